#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 12 };

typedef struct {
    int number;
    evg_list_t link;
} item_t;

static item_t items[ITEMS];

static int fresh_items(void **state)
{
    (void)state;
    for (int i = 0; i < ITEMS; i++) {
        items[i].number = i;
        evg_list_init(&items[i].link);
    }
    return 0;
}

static int number_of(evg_list_t *link)
{
    return evg_container(link, item_t, link)->number;
}

/* The list must hold just these, seen from either end. */
static void assert_holds(evg_list_t *head, const int *numbers, size_t count)
{
    evg_list_t *link = head->next;
    for (size_t i = 0; i < count; i++, link = link->next) {
        assert_ptr_not_equal(link, head);
        assert_int_equal(number_of(link), numbers[i]);
    }
    assert_ptr_equal(link, head);
    for (size_t i = count; i-- > 0;) {
        link = link->prev;
        assert_int_equal(number_of(link), numbers[i]);
    }
    assert_ptr_equal(link->prev, head);
    assert_int_equal(evg_list_empty_p(head), count == 0);
}

static void an_empty_list_gives_nothing(void **state)
{
    (void)state;
    evg_list_t head;
    evg_list_init(&head);
    assert_true(evg_list_empty_p(&head));
    assert_null(evg_list_first(&head));
    assert_null(evg_list_shift(&head));
}

static void append_prepend_and_insert_keep_order(void **state)
{
    /* Fails when insert puts the node behind `where`. */
    (void)state;
    evg_list_t head;
    evg_list_init(&head);
    evg_list_append(&head, &items[1].link);
    evg_list_append(&head, &items[3].link);
    evg_list_prepend(&head, &items[0].link);
    evg_list_insert(&items[3].link, &items[2].link);
    assert_holds(&head, (const int[]){0, 1, 2, 3}, 4);
    assert_int_equal(number_of(evg_list_first(&head)), 0);
}

static void unlinking_twice_is_nothing(void **state)
{
    /* Fails when unlink leaves the node pointing at its old neighbours. */
    (void)state;
    evg_list_t head;
    evg_list_init(&head);
    for (int i = 0; i < 3; i++) evg_list_append(&head, &items[i].link);
    assert_true(evg_list_linked_p(&items[1].link));
    evg_list_unlink(&items[1].link);
    evg_list_unlink(&items[0].link);
    evg_list_unlink(&items[1].link);
    assert_false(evg_list_linked_p(&items[1].link));
    assert_holds(&head, (const int[]){2}, 1);
}

static void shift_takes_them_in_turn(void **state)
{
    (void)state;
    evg_list_t head;
    evg_list_init(&head);
    for (int i = 0; i < ITEMS; i++) evg_list_append(&head, &items[i].link);
    for (int i = 0; i < ITEMS; i++) {
        evg_list_t *link = evg_list_shift(&head);
        assert_int_equal(number_of(link), i);
        assert_false(evg_list_linked_p(link));
    }
    assert_true(evg_list_empty_p(&head));
}

static void join_moves_all(void **state)
{
    /* Fails when join forgets one of the four ends. */
    (void)state;
    evg_list_t to, from;
    evg_list_init(&to);
    evg_list_init(&from);
    evg_list_join(&to, &from);
    assert_holds(&to, NULL, 0);
    for (int i = 0; i < 3; i++) evg_list_append(&from, &items[i].link);
    evg_list_join(&to, &from);
    assert_holds(&from, NULL, 0);
    for (int i = 3; i < 5; i++) evg_list_append(&from, &items[i].link);
    evg_list_join(&to, &from);
    evg_list_join(&to, &from);
    assert_holds(&to, (const int[]){0, 1, 2, 3, 4}, 5);
    assert_holds(&from, NULL, 0);
}

typedef struct {
    int numbers[ITEMS];
    size_t count;
} model_t;

static void model_insert(model_t *model, size_t at, int number)
{
    memmove(model->numbers + at + 1, model->numbers + at, (model->count - at) * sizeof(int));
    model->numbers[at] = number;
    model->count++;
}

static void model_remove(model_t *model, int number)
{
    size_t at = 0;
    while (at < model->count && model->numbers[at] != number) at++;
    if (at == model->count) return;
    model->count--;
    memmove(model->numbers + at, model->numbers + at + 1, (model->count - at) * sizeof(int));
}

static void one_random_step(evg_list_t *head, model_t *model)
{
    int number = (int)(random() % ITEMS);
    evg_list_t *link = &items[number].link;
    if (evg_list_linked_p(link) || random() % 4 == 0) {
        evg_list_unlink(link);
        model_remove(model, number);
    } else if (model->count && random() % 2) {
        size_t at = (size_t)random() % model->count;
        evg_list_insert(&items[model->numbers[at]].link, link);
        model_insert(model, at, number);
    } else {
        evg_list_append(head, link);
        model_insert(model, model->count, number);
    }
}

static void random_steps_match_an_array(void **state)
{
    (void)state;
    srandom(1);
    evg_list_t head;
    evg_list_init(&head);
    model_t model = {0};
    for (int i = 0; i < 20000; i++) {
        one_random_step(&head, &model);
        assert_holds(&head, model.numbers, model.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_gives_nothing),
        cmocka_unit_test_setup(append_prepend_and_insert_keep_order, fresh_items),
        cmocka_unit_test_setup(unlinking_twice_is_nothing, fresh_items),
        cmocka_unit_test_setup(shift_takes_them_in_turn, fresh_items),
        cmocka_unit_test_setup(join_moves_all, fresh_items),
        cmocka_unit_test_setup(random_steps_match_an_array, fresh_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

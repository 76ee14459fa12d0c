/* Requests that are a question and an answer: one string goes out, and Ruby makes the value of what comes back. */
#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/conversion.h"
#include "binding/client/each.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/shapes.h"
#include "binding/values/strings.h"

/* What makes one answer of those of several servers, where one's is its value. */
static VALUE merging(const char *name)
{
    return rb_funcall(rb_path2class("EVGearman::Several"), rb_intern("method"), 1, ID2SYM(rb_intern(name)));
}

/* Without a converter the answer of one server is the value; `merged` names what makes one of several. */
static VALUE ask(VALUE self, ask_t *how, const question_t *question, VALUE converter, const char *merged)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    const view_t *view = open_view_of(self);
    if (view->count > 1 && merged) converter = merging(merged);
    VALUE task = view->count == 1 ? link_ask(view->links, Qnil, Qnil, block, how, question)
                                  : each_ask(view, block, how, question);
    if (!NIL_P(converter)) task_convert_by(task, converter);
    return task;
}

/* call-seq: echo(data) -> task
 *           echo(data) { |data, error| ... } -> task
 *
 * Sends ECHO_REQ. The answer, the same bytes, tells that all that was sent before has been taken in. */
static VALUE connection_echo(VALUE self, VALUE data)
{
    const question_t question = {.text = string_of(data, "data")};
    VALUE task = ask(self, ask_echo, &question, Qnil, "first");
    RB_GC_GUARD(data);
    return task;
}

static VALUE ask_word(VALUE self, ask_t *how, VALUE word, VALUE converter, const char *merged)
{
    const question_t question = {.text = rb_str_new_frozen(word)};
    VALUE task = ask(self, how, &question, converter, merged);
    RB_GC_GUARD(word);
    return task;
}

/* call-seq: option(name) -> task
 *           option(name) { |true, error| ... } -> task
 *
 * Sends OPTION_REQ, now and on every connect. Fails with ServerError for an option that the server does not know;
 * gearmand knows only "exceptions". */
static VALUE connection_option(VALUE self, VALUE name)
{
    return ask_word(self, ask_option, string_of(name, "option"), Qnil, "yes");
}

static VALUE connection_get_status(VALUE self, VALUE handle, VALUE converter)
{
    return ask_word(self, ask_status, string_of(handle, "handle"), converter, NULL);
}

static VALUE connection_get_status_unique(VALUE self, VALUE unique, VALUE converter)
{
    return ask_word(self, ask_status_unique, string_of(unique, "unique"), converter, NULL);
}

static VALUE connection_admin(VALUE self, VALUE line, VALUE multiline, VALUE converter)
{
    line = rb_str_new_frozen(string_of(line, "admin command"));
    const question_t question = {line, admin_shape(line, multiline)};
    VALUE task = ask(self, ask_admin, &question, converter, NULL);
    RB_GC_GUARD(line);
    return task;
}

/* Raises for a word that would break the line it is put into. */
static VALUE admin_check_argument(VALUE self, VALUE word)
{
    error_check(NULL, evg_check_admin_arg(bytes_of(word = string_of(word, "admin argument"))));
    return word;
}

static VALUE admin_check_handle(VALUE self, VALUE handle)
{
    error_check(NULL, evg_check_handle(bytes_of(handle = string_of(handle, "handle"))));
    return handle;
}

/* Of Client and ClientSession alike. */
static void define_admin_checks(VALUE module)
{
    VALUE requests = rb_define_module_under(rb_define_module_under(module, "Admin"), "Requests");
    rb_define_private_method(requests, "_check_admin_argument", admin_check_argument, 1);
    rb_define_private_method(requests, "_check_handle", admin_check_handle, 1);
}

void Init_evg_questions(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    define_admin_checks(module);
    rb_define_method(connection_class, "echo", connection_echo, 1);
    rb_define_method(connection_class, "option", connection_option, 1);
    rb_define_private_method(connection_class, "_get_status", connection_get_status, 2);
    rb_define_private_method(connection_class, "_get_status_unique", connection_get_status_unique, 2);
    rb_define_private_method(connection_class, "_admin", connection_admin, 3);
}

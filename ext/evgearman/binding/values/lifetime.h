/* Is an object that C has a pointer to still somebody's? Between the marking of a GC and the end of its lazy sweep
 * there are objects that nobody refers to and that are not freed yet. C meets them in its lists, but what it then hands
 * to Ruby would be freed in Ruby's hands.
 *
 *     on allocation      object->marked_in = lifetime_new();
 *     in dmark           object->marked_in = lifetime_marked();
 *     before it is told  if (lifetime_over_p(object->marked_in)) return; */
#ifndef EVG_VALUES_LIFETIME_H
#define EVG_VALUES_LIFETIME_H

#include <stdbool.h>
#include <stddef.h>

size_t lifetime_new(void);
size_t lifetime_marked(void);
bool lifetime_over_p(size_t marked_in);

#endif

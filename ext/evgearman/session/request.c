#include "session/request.h"

#include <string.h>

void evg_request_init(evg_request_t *request, void *owner)
{
    memset(request, 0, sizeof *request);
    request->owner = owner;
    evg_list_init(&request->link);
    evg_list_init(&request->order);
    evg_deadline_init(&request->due);
}

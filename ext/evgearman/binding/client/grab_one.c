#include "binding/client/grab_one.h"

#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/values/asking.h"
#include "binding/values/errors.h"

static link_t *behind(link_t *link)
{
    const view_t *view = &link->agent->view;
    return ++link < links_end(view) ? link : view->links;
}

/* Whose turn it is. One that is away is passed by, unless all are. */
static link_t *first_of(agent_t *agent)
{
    link_t *first = agent->grabbed ? behind(agent->grabbed) : agent->view.links, *at = first;
    while (link_session(at)->away) {
        if ((at = behind(at)) == first) break;
    }
    return at;
}

/* call-seq: grab_job -> task
 *           grab_job { |job, error| ... } -> task
 *
 * Asks once, with GRAB_JOB_UNIQ or GRAB_JOB, for a job of any function that was announced; of several servers one after
 * the other. NoJobError "no job" when there is none. Whoever gets it finishes it. */
static VALUE worker_grab_job(VALUE self)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    agent_t *agent = open_view_of(self)->agent;
    if (agent_working_p(agent)) error_check(only_server_of(&agent->view), EVG_EWORKING);
    link_t *link = first_of(agent);
    VALUE grab = link_ask(link, Qnil, Qnil, block, ask_grab, NULL);
    task_t *task = task_of(grab);
    task->unasked = agent->view.count - 1;
    agent->grabbed = link;
    return grab;
}

static bool ask(task_t *task, link_t *link)
{
    if (link_ask_again(link, task, ask_grab, NULL) < 0) return false;
    task->link = task->agent->grabbed = link;
    return true;
}

bool grab_elsewhere(task_t *task, const evg_event_t *event)
{
    link_t *at = task->link;
    if (event->error != EVG_ENO_JOB) return false;
    for (; task->unasked; task->unasked--) {
        at = behind(at);
        if (link_session(at)->away || !ask(task, at)) continue;
        task->unasked--;
        return true;
    }
    return false;
}

void Init_evg_grab_one(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE klass = rb_define_class_under(module, "Worker", connection_class);
    rb_define_method(klass, "grab_job", worker_grab_job, 0);
}

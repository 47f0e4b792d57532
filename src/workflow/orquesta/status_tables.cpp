// The two state machines of Orquesta as data: from, to, and the events that lead there.
#include "workflow/orquesta/status_tables.hpp"

namespace squall::workflow::orquesta {

namespace {

constexpr StatusRow kTaskRows[] = {
    {Status::kUnset, Status::kRequested, "action_requested"},
    {Status::kUnset, Status::kScheduled, "action_scheduled"},
    {Status::kUnset, Status::kDelayed, "action_delayed"},
    {Status::kUnset, Status::kRunning, "action_running"},
    {Status::kUnset, Status::kPending, "action_pending"},
    {Status::kUnset, Status::kSucceeded, "task_continue_requested task_noop_requested"},
    {Status::kUnset, Status::kFailed, "task_fail_requested"},
    {Status::kRequested, Status::kScheduled, "action_scheduled"},
    {Status::kRequested, Status::kDelayed, "action_delayed"},
    {Status::kRequested, Status::kRunning, "action_running"},
    {Status::kRequested, Status::kPending, "action_pending"},
    {Status::kRequested, Status::kPausing, "action_pausing"},
    {Status::kRequested, Status::kPaused, "action_paused"},
    {Status::kRequested, Status::kCanceling, "action_canceling"},
    {Status::kRequested, Status::kCanceled, "action_canceled"},
    {Status::kRequested, Status::kFailed, "action_failed"},
    {Status::kRequested, Status::kTimeout, "action_timeout"},
    {Status::kRequested, Status::kAbandoned, "action_abandoned"},
    {Status::kScheduled, Status::kDelayed, "action_delayed"},
    {Status::kScheduled, Status::kRunning, "action_running"},
    {Status::kScheduled, Status::kPending, "action_pending"},
    {Status::kScheduled, Status::kPausing, "action_pausing"},
    {Status::kScheduled, Status::kPaused, "action_paused"},
    {Status::kScheduled, Status::kCanceling, "action_canceling"},
    {Status::kScheduled, Status::kCanceled, "action_canceled"},
    {Status::kScheduled, Status::kFailed, "action_failed"},
    {Status::kScheduled, Status::kTimeout, "action_timeout"},
    {Status::kScheduled, Status::kAbandoned, "action_abandoned"},
    {Status::kDelayed, Status::kScheduled, "action_scheduled"},
    {Status::kDelayed, Status::kRunning, "action_running"},
    {Status::kDelayed, Status::kPending, "action_pending"},
    {Status::kDelayed, Status::kPausing, "action_pausing"},
    {Status::kDelayed, Status::kPaused, "action_paused"},
    {Status::kDelayed, Status::kCanceling, "action_canceling"},
    {Status::kDelayed, Status::kCanceled, "action_canceled"},
    {Status::kDelayed, Status::kFailed, "action_failed"},
    {Status::kDelayed, Status::kTimeout, "action_timeout"},
    {Status::kDelayed, Status::kAbandoned, "action_abandoned"},
    {Status::kRunning, Status::kRunning,
     "action_running action_succeeded_task_active_items_incomplete "
     "action_succeeded_task_dormant_items_incomplete"},
    {Status::kRunning, Status::kPending, "action_pending"},
    {Status::kRunning, Status::kPausing,
     "action_paused_task_active_items_incomplete action_pausing "
     "action_pending_task_active_items_incomplete workflow_paused_task_active_items_incomplete "
     "workflow_pausing_task_active_items_incomplete"},
    {Status::kRunning, Status::kPaused,
     "action_paused action_paused_task_dormant_items_completed action_paused_task_dormant_items_incomplete "
     "action_paused_task_dormant_items_paused action_pending_task_dormant_items_completed "
     "action_pending_task_dormant_items_incomplete action_pending_task_dormant_items_paused "
     "action_succeeded_task_dormant_items_paused workflow_paused_task_dormant_items_incomplete "
     "workflow_pausing_task_dormant_items_incomplete"},
    {Status::kRunning, Status::kCanceled,
     "action_abandoned_task_dormant_items_canceled action_canceled "
     "action_canceled_task_dormant_items_canceled action_canceled_task_dormant_items_completed "
     "action_canceled_task_dormant_items_failed action_canceled_task_dormant_items_incomplete "
     "action_canceled_task_dormant_items_paused action_failed_task_dormant_items_canceled "
     "action_paused_task_dormant_items_canceled action_pending_task_dormant_items_canceled "
     "action_succeeded_task_dormant_items_canceled action_timeout_task_dormant_items_canceled "
     "workflow_canceled_task_dormant_items_incomplete workflow_canceling_task_dormant_items_incomplete"},
    {Status::kRunning, Status::kFailed,
     "action_abandoned action_abandoned_task_dormant_items_completed "
     "action_abandoned_task_dormant_items_failed action_abandoned_task_dormant_items_incomplete "
     "action_abandoned_task_dormant_items_paused action_failed action_failed_task_dormant_items_completed "
     "action_failed_task_dormant_items_failed action_failed_task_dormant_items_incomplete "
     "action_failed_task_dormant_items_paused action_paused_task_dormant_items_failed "
     "action_pending_task_dormant_items_failed action_succeeded_task_dormant_items_failed action_timeout "
     "action_timeout_task_dormant_items_completed action_timeout_task_dormant_items_failed "
     "action_timeout_task_dormant_items_incomplete action_timeout_task_dormant_items_paused"},
    {Status::kRunning, Status::kCanceling,
     "action_canceled_task_active_items_incomplete action_canceling "
     "workflow_canceled_task_active_items_incomplete workflow_canceling_task_active_items_incomplete"},
    {Status::kRunning, Status::kSucceeded, "action_succeeded action_succeeded_task_dormant_items_completed"},
    {Status::kPending, Status::kCanceled, "action_canceled"},
    {Status::kPending, Status::kFailed, "action_abandoned action_failed action_timeout"},
    {Status::kPending, Status::kSucceeded, "action_succeeded"},
    {Status::kPausing, Status::kPaused,
     "action_paused action_paused_task_dormant_items_completed action_paused_task_dormant_items_incomplete "
     "action_paused_task_dormant_items_paused action_pending_task_dormant_items_completed "
     "action_pending_task_dormant_items_incomplete action_pending_task_dormant_items_paused "
     "action_succeeded_task_dormant_items_incomplete action_succeeded_task_dormant_items_paused"},
    {Status::kPausing, Status::kCanceled,
     "action_abandoned_task_dormant_items_canceled action_canceled "
     "action_canceled_task_dormant_items_canceled action_canceled_task_dormant_items_completed "
     "action_canceled_task_dormant_items_failed action_canceled_task_dormant_items_incomplete "
     "action_canceled_task_dormant_items_paused action_failed_task_dormant_items_canceled "
     "action_paused_task_dormant_items_canceled action_pending_task_dormant_items_canceled "
     "action_succeeded_task_dormant_items_canceled action_timeout_task_dormant_items_canceled"},
    {Status::kPausing, Status::kFailed,
     "action_abandoned action_abandoned_task_dormant_items_completed "
     "action_abandoned_task_dormant_items_failed action_abandoned_task_dormant_items_incomplete "
     "action_abandoned_task_dormant_items_paused action_failed action_failed_task_dormant_items_completed "
     "action_failed_task_dormant_items_failed action_failed_task_dormant_items_incomplete "
     "action_failed_task_dormant_items_paused action_paused_task_dormant_items_failed "
     "action_pending_task_dormant_items_failed action_succeeded_task_dormant_items_failed action_timeout "
     "action_timeout_task_dormant_items_completed action_timeout_task_dormant_items_failed "
     "action_timeout_task_dormant_items_incomplete action_timeout_task_dormant_items_paused"},
    {Status::kPausing, Status::kResuming, "action_resuming"},
    {Status::kPausing, Status::kCanceling, "action_canceling"},
    {Status::kPausing, Status::kSucceeded, "action_succeeded_task_dormant_items_completed"},
    {Status::kPaused, Status::kRunning, "action_running"},
    {Status::kPaused, Status::kResuming, "action_resuming"},
    {Status::kPaused, Status::kCanceling, "action_canceling"},
    {Status::kPaused, Status::kCanceled, "action_canceled"},
    {Status::kResuming, Status::kRunning, "action_running"},
    {Status::kResuming, Status::kCanceling, "action_canceling"},
    {Status::kResuming, Status::kCanceled, "action_canceled"},
    {Status::kRetrying, Status::kRunning, "action_running"},
    {Status::kRetrying, Status::kCanceling, "action_canceling"},
    {Status::kRetrying, Status::kCanceled, "action_canceled workflow_canceled workflow_canceling"},
    {Status::kCanceling, Status::kCanceled,
     "action_abandoned_task_dormant_items_canceled action_abandoned_task_dormant_items_completed "
     "action_abandoned_task_dormant_items_failed action_abandoned_task_dormant_items_incomplete "
     "action_abandoned_task_dormant_items_paused action_canceled "
     "action_canceled_task_dormant_items_canceled action_canceled_task_dormant_items_completed "
     "action_canceled_task_dormant_items_failed action_canceled_task_dormant_items_incomplete "
     "action_canceled_task_dormant_items_paused action_failed_task_dormant_items_canceled "
     "action_failed_task_dormant_items_completed action_failed_task_dormant_items_failed "
     "action_failed_task_dormant_items_incomplete action_failed_task_dormant_items_paused action_paused "
     "action_paused_task_dormant_items_canceled action_paused_task_dormant_items_completed "
     "action_paused_task_dormant_items_failed action_paused_task_dormant_items_incomplete "
     "action_paused_task_dormant_items_paused action_pending_task_dormant_items_canceled "
     "action_pending_task_dormant_items_completed action_pending_task_dormant_items_failed "
     "action_pending_task_dormant_items_incomplete action_pending_task_dormant_items_paused "
     "action_succeeded_task_dormant_items_canceled action_succeeded_task_dormant_items_failed "
     "action_succeeded_task_dormant_items_incomplete action_succeeded_task_dormant_items_paused "
     "action_timeout_task_dormant_items_canceled action_timeout_task_dormant_items_completed "
     "action_timeout_task_dormant_items_failed action_timeout_task_dormant_items_incomplete "
     "action_timeout_task_dormant_items_paused"},
    {Status::kCanceling, Status::kFailed, "action_abandoned action_failed action_timeout"},
    {Status::kCanceling, Status::kSucceeded, "action_succeeded_task_dormant_items_completed"},
    {Status::kSucceeded, Status::kRetrying, "task_retry_requested"},
    {Status::kFailed, Status::kRetrying, "task_retry_requested"},
};

constexpr StatusRow kWorkflowRows[] = {
    {Status::kUnset, Status::kRequested, "workflow_requested"},
    {Status::kUnset, Status::kScheduled, "workflow_scheduled"},
    {Status::kUnset, Status::kDelayed, "workflow_delayed"},
    {Status::kUnset, Status::kRunning, "workflow_running"},
    {Status::kUnset, Status::kFailed, "workflow_failed"},
    {Status::kRequested, Status::kScheduled, "workflow_scheduled"},
    {Status::kRequested, Status::kDelayed, "workflow_delayed"},
    {Status::kRequested, Status::kRunning, "workflow_running"},
    {Status::kRequested, Status::kPaused, "workflow_paused_workflow_dormant workflow_pausing_workflow_dormant"},
    {Status::kRequested, Status::kCanceled, "workflow_canceled_workflow_dormant workflow_canceling_workflow_dormant"},
    {Status::kRequested, Status::kFailed, "workflow_failed"},
    {Status::kScheduled, Status::kDelayed, "workflow_delayed"},
    {Status::kScheduled, Status::kRunning, "workflow_running"},
    {Status::kScheduled, Status::kPaused, "workflow_paused_workflow_dormant workflow_pausing_workflow_dormant"},
    {Status::kScheduled, Status::kCanceled, "workflow_canceled_workflow_dormant workflow_canceling_workflow_dormant"},
    {Status::kScheduled, Status::kFailed, "workflow_failed"},
    {Status::kDelayed, Status::kScheduled, "workflow_scheduled"},
    {Status::kDelayed, Status::kRunning, "workflow_running"},
    {Status::kDelayed, Status::kPaused, "workflow_paused_workflow_dormant workflow_pausing_workflow_dormant"},
    {Status::kDelayed, Status::kCanceled, "workflow_canceled_workflow_dormant workflow_canceling_workflow_dormant"},
    {Status::kDelayed, Status::kFailed, "workflow_failed"},
    {Status::kRunning, Status::kPausing,
     "task_pending_workflow_active task_remediated_workflow_active_paused "
     "task_succeeded_workflow_active_paused workflow_paused_workflow_active "
     "workflow_pausing_workflow_active"},
    {Status::kRunning, Status::kPaused,
     "task_paused_workflow_dormant task_pending_workflow_dormant task_remediated_workflow_dormant_paused "
     "task_succeeded_workflow_dormant_paused workflow_paused_workflow_dormant "
     "workflow_pausing_workflow_dormant"},
    {Status::kRunning, Status::kCanceling,
     "task_canceled_workflow_active task_canceling task_remediated_workflow_active_canceled "
     "task_succeeded_workflow_active_canceled workflow_canceled_workflow_active "
     "workflow_canceling_workflow_active"},
    {Status::kRunning, Status::kCanceled,
     "task_canceled_workflow_dormant task_remediated_workflow_dormant_canceled "
     "task_succeeded_workflow_dormant_canceled workflow_canceled_workflow_dormant "
     "workflow_canceling_workflow_dormant"},
    {Status::kRunning, Status::kFailed, "task_failed_workflow_active task_failed_workflow_dormant workflow_failed"},
    {Status::kRunning, Status::kSucceeded,
     "task_remediated_workflow_dormant_completed task_succeeded_workflow_dormant_completed "
     "workflow_succeeded"},
    {Status::kRunning, Status::kRunning,
     "task_paused_workflow_active task_pausing task_remediated_workflow_active_completed "
     "task_remediated_workflow_active_incomplete task_remediated_workflow_dormant_incomplete "
     "task_succeeded_workflow_active_completed task_succeeded_workflow_active_incomplete "
     "task_succeeded_workflow_dormant_incomplete"},
    {Status::kPausing, Status::kPausing,
     "task_paused_workflow_active task_pending_workflow_active task_remediated_workflow_active_completed "
     "task_remediated_workflow_active_incomplete task_remediated_workflow_active_paused "
     "task_retrying_workflow_active task_succeeded_workflow_active_canceled "
     "task_succeeded_workflow_active_completed task_succeeded_workflow_active_incomplete "
     "task_succeeded_workflow_active_paused workflow_paused_workflow_active "
     "workflow_pausing_workflow_active"},
    {Status::kPausing, Status::kPaused,
     "task_paused_workflow_dormant task_pending_workflow_dormant "
     "task_remediated_workflow_dormant_completed task_remediated_workflow_dormant_incomplete "
     "task_remediated_workflow_dormant_paused task_retrying_workflow_dormant "
     "task_succeeded_workflow_dormant_completed task_succeeded_workflow_dormant_incomplete "
     "task_succeeded_workflow_dormant_paused workflow_paused_workflow_dormant "
     "workflow_pausing_workflow_dormant"},
    {Status::kPausing, Status::kCanceling,
     "task_canceled_workflow_active task_canceling task_remediated_workflow_active_canceled "
     "workflow_canceled_workflow_active workflow_canceling_workflow_active"},
    {Status::kPausing, Status::kCanceled,
     "task_canceled_workflow_dormant task_remediated_workflow_dormant_canceled "
     "task_succeeded_workflow_dormant_canceled workflow_canceled_workflow_dormant "
     "workflow_canceling_workflow_dormant"},
    {Status::kPausing, Status::kRunning, "workflow_running"},
    {Status::kPausing, Status::kResuming, "workflow_resuming"},
    {Status::kPausing, Status::kFailed, "task_failed_workflow_active task_failed_workflow_dormant workflow_failed"},
    {Status::kPaused, Status::kRunning, "task_resuming task_running workflow_running"},
    {Status::kPaused, Status::kSucceeded, "workflow_resuming_workflow_completed workflow_running_workflow_completed"},
    {Status::kPaused, Status::kResuming, "workflow_resuming"},
    {Status::kPaused, Status::kCanceled, "workflow_canceled_workflow_dormant workflow_canceling_workflow_dormant"},
    {Status::kPaused, Status::kFailed, "workflow_failed"},
    {Status::kResuming, Status::kPausing,
     "task_pending_workflow_active workflow_paused_workflow_active workflow_pausing_workflow_active"},
    {Status::kResuming, Status::kPaused,
     "task_pending_workflow_dormant task_remediated_workflow_dormant_paused "
     "task_succeeded_workflow_dormant_paused workflow_paused_workflow_dormant "
     "workflow_pausing_workflow_dormant"},
    {Status::kResuming, Status::kCanceling,
     "task_canceled_workflow_active task_canceling workflow_canceled_workflow_active "
     "workflow_canceling_workflow_active"},
    {Status::kResuming, Status::kCanceled,
     "task_canceled_workflow_dormant task_remediated_workflow_dormant_canceled "
     "task_succeeded_workflow_dormant_canceled workflow_canceled_workflow_dormant "
     "workflow_canceling_workflow_dormant"},
    {Status::kResuming, Status::kRunning,
     "task_remediated_workflow_active_completed task_remediated_workflow_active_incomplete "
     "task_remediated_workflow_dormant_incomplete task_running task_succeeded_workflow_active_completed "
     "task_succeeded_workflow_active_incomplete task_succeeded_workflow_dormant_incomplete "
     "workflow_running"},
    {Status::kResuming, Status::kFailed, "task_failed_workflow_active task_failed_workflow_dormant workflow_failed"},
    {Status::kResuming, Status::kSucceeded,
     "task_remediated_workflow_dormant_completed task_succeeded_workflow_dormant_completed"},
    {Status::kCanceling, Status::kCanceling,
     "task_canceled_workflow_active task_failed_workflow_active task_paused_workflow_active "
     "task_pending_workflow_active task_remediated_workflow_active_completed "
     "task_remediated_workflow_active_incomplete task_retrying_workflow_active "
     "task_succeeded_workflow_active_completed task_succeeded_workflow_active_incomplete "
     "workflow_canceled_workflow_active workflow_canceling_workflow_active"},
    {Status::kCanceling, Status::kCanceled,
     "task_canceled_workflow_dormant task_failed_workflow_dormant task_paused_workflow_dormant "
     "task_pending_workflow_dormant task_remediated_workflow_dormant_canceled "
     "task_remediated_workflow_dormant_completed task_remediated_workflow_dormant_incomplete "
     "task_remediated_workflow_dormant_paused task_retrying_workflow_dormant "
     "task_succeeded_workflow_dormant_canceled task_succeeded_workflow_dormant_completed "
     "task_succeeded_workflow_dormant_incomplete task_succeeded_workflow_dormant_paused "
     "workflow_canceled_workflow_dormant workflow_canceling_workflow_dormant"},
    {Status::kCanceling, Status::kFailed, "workflow_failed"},
    {Status::kSucceeded, Status::kFailed, "workflow_failed"},
};

}  // namespace

std::span<const StatusRow> task_rows() { return kTaskRows; }
std::span<const StatusRow> workflow_rows() { return kWorkflowRows; }

}  // namespace squall::workflow::orquesta

#include "runners/child_action.hpp"

#include "base/log.hpp"
#include "runners/outcome.hpp"

namespace squall::runners {

void run_child(const ChildContext& context, ChildLaunch launch, const StopToken& stop, RunHandlers handlers,
               Conclude conclude, OutputFilter filter) {
  auto shared = std::make_shared<const RunHandlers>(std::move(handlers));
  process::ProcessHandlers process_handlers;
  process_handlers.on_output = [shared, filter = std::move(filter)](process::OutputStream stream, std::string_view chunk) {
    const OutputKind kind =
        stream == process::OutputStream::kStandardOutput ? OutputKind::kStdout : OutputKind::kStderr;
    if (filter) filter(kind, chunk, *shared);
    else if (shared->on_output) shared->on_output(kind, chunk);
  };
  process_handlers.on_exit = [shared, stop, conclude = std::move(conclude)](process::ProcessResult result) {
    ActionOutcome outcome = conclude(result);
    if (result.killed && result.exit_code != 0) outcome.status = stop.stopped() ? "canceled" : "abandoned";
    shared->on_done(std::move(outcome));
  };
  const bool by_server = !launch.fork_socket.empty();
  if (by_server) {
    process_handlers.on_refused = launch.on_refused;
    process_handlers.on_forked = [shared](int pid) {
      if (shared->on_process) shared->on_process(pid);
    };
  }
  const auto started =
      by_server ? context.processes.start_forked(launch.fork_socket, std::move(launch.spec), std::move(process_handlers))
                : context.processes.start(std::move(launch.spec), std::move(process_handlers));
  if (!started && by_server) {
    launch.on_refused(started.error());
    return;
  }
  if (!started) {
    context.executor.post([shared, outcome = failed_outcome(context.runner, started.error().message())]() mutable {
      shared->on_done(std::move(outcome));
    });
    return;
  }
  const std::shared_ptr<process::Process>& process = *started;
  if (!by_server && shared->on_process) shared->on_process(process->pid());
  stop.on_stop([process] { process->kill(process::kTimeoutGrace); });
}

}  // namespace squall::runners

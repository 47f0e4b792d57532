#include <signal.h>
#include <sys/epoll.h>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "process/fork_client.hpp"
#include "process/host.hpp"

namespace squall::process {
namespace {

using Clock = std::chrono::steady_clock;

// Bytes of one child that may be on their way to the executor before reading pauses.
constexpr size_t kUnreadBytesMax = 1u << 20;
// Pieces read from one pipe before the others get their turn.
constexpr int kPiecesPerTurn = 16;
// How often the rest of an action whose first process ended on SIGTERM is looked for.
constexpr auto kLookForRestEvery = std::chrono::milliseconds(50);
// How old a table of processes may be that several actions share.
constexpr auto kTableAge = std::chrono::milliseconds(100);
// Rounds of looking for processes and killing them: who forks meanwhile is met in the next one.
constexpr int kKillRounds = 5;

}  // namespace

void ProcessHost::Impl::on_event(uint64_t packed) {
  if (packed == kWakeUp) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_up.get(), &count, sizeof count);
    return;
  }
  const auto found = children.find(packed / 4);
  if (found == children.end()) return;
  Child& child = *found->second;
  switch (static_cast<Source>(packed % 4)) {
    case Source::kEnd:
      if (!child.reaped()) on_end(child);
      break;
    case Source::kInput: child.write_input(); break;
    case Source::kOutput: read_output(child, OutputStream::kStandardOutput); break;
    case Source::kError: read_output(child, OutputStream::kStandardError); break;
  }
}

void ProcessHost::Impl::on_end(Child& child) {
  if (child.is_forked()) return on_fork_message(child);
  if (!child.given_up) return leader_ended(child, std::nullopt);
  child.reap();
  finished.push_back(child.id());
}

void ProcessHost::Impl::on_fork_message(Child& child) {
  const auto message = read_fork_message(child.control());
  if (message && !*message) return;
  if (child.given_up) {  // it ended after all, or its server did
    finished.push_back(child.id());
  } else if (!message && child.pid() == 0) {
    refuse(child, message.error());
  } else if (message && (*message)->kind == ForkMessage::kForked) {
    child.set_forked((*message)->value);
    *pids.at(child.id()) = child.pid();
    if (child.handlers->on_forked)
      executor.post([handlers = child.handlers, pid = child.pid()] { handlers->on_forked(pid); });
    child.write_input();
  } else {
    // Without a message the server is gone, and the kernel has killed the child.
    leader_ended(child, message ? (*message)->value : -SIGKILL);
  }
}

// The fork server did not do it. Nothing of the process ever was, so no other handler is called.
void ProcessHost::Impl::refuse(Child& child, Error error) {
  child.reap_forked(-SIGKILL);
  child.deadlines = {};
  child.close_output();
  const auto handlers = std::exchange(child.handlers, nullptr);
  if (handlers->on_refused) executor.post([handlers, error = std::move(error)] { handlers->on_refused(error); });
  finished.push_back(child.id());
}

void ProcessHost::Impl::leader_ended(Child& child, std::optional<int> forked_exit_code) {
  child.forked_exit_code = forked_exit_code;
  // The leader ended on our SIGTERM. The rest of its tree has the same grace; as long as the leader is not reaped its
  // number cannot be given to anybody else, so the SIGKILL that may follow hits the right ones.
  if (child.terminating && !child.killed) {
    child.tree->look();
    if (!child.pipes_closed() || child.tree->alive() > 0) {
      child.leader_ended = true;
      child.deadlines.look = Clock::now() + kLookForRestEvery;
      unwatch(child.end_fd());
      return;
    }
    kill_tree(child);
  }
  finish_leader(child);
}

void ProcessHost::Impl::finish_leader(Child& child) {
  if (child.is_forked())
    child.reap_forked(child.forked_exit_code.value_or(-SIGKILL));
  else
    child.reap();
  child.deadlines = {};
  child.deadlines.drain = Clock::now() + kDrainAfterExit;
  report_if_done(child);
}

void ProcessHost::Impl::terminate(Child& child, Duration grace) {
  if (child.reaped() || child.given_up || child.killed) return;
  const SteadyTime kill_at = Clock::now() + grace;
  const bool sooner = !child.deadlines.kill || kill_at < *child.deadlines.kill;
  if (sooner) child.deadlines.kill = kill_at;
  child.deadlines.timeout.reset();
  if (child.terminating) return;
  child.terminating = true;
  if (child.is_forked() && child.pid() == 0) {  // it has not begun; closing the connection ends it
    child.killed = true;
    finish_leader(child);
    return;
  }
  child.tree.emplace(child.pid());
  child.tree->look();
  if (grace == Duration::zero()) return;
  child.signal_group(SIGTERM);
  child.tree->signal_others(SIGTERM);
}

// An action with too many processes is ended; the rest of one that ended on SIGTERM may have followed it by now.
void ProcessHost::Impl::look(Child& child, SteadyTime now) {
  child.deadlines.look.reset();
  if (child.leader_ended) {
    child.tree->look();
    if (child.tree->alive() > 0)
      child.deadlines.look = now + kLookForRestEvery;
    else if (child.pipes_closed())
      end_rest(child);
    return;
  }
  if (child.terminating || child.reaped()) return;
  child.deadlines.look = now + kCountEvery;
  if (tasks_of_machine() <= child.processes_max) return;
  ProcessTree tree(child.pid());
  tree.look(kTableAge);
  if (tree.alive() <= child.processes_max) return;
  log_warning("action killed: it has too many processes",
              {{"pid", std::to_string(child.pid())}, {"processes", std::to_string(tree.alive())}});
  child.result.too_many_processes = true;
  terminate(child, Duration::zero());
}

// Nobody of the tree is left who could still write.
void ProcessHost::Impl::end_rest(Child& child) {
  kill_tree(child);
  finish_leader(child);
}

void ProcessHost::Impl::kill_tree(Child& child) {
  child.killed = true;
  child.deadlines.kill.reset();
  child.deadlines.look.reset();
  child.deadlines.give_up = Clock::now() + kGiveUpAfterKill;
  bool allowed = child.signal_group(SIGKILL);
  for (int round = 0; round < kKillRounds; ++round) {
    child.tree->look();
    if (child.tree->others().empty()) break;
    if (!child.tree->signal_others(SIGKILL)) {
      allowed = false;
      break;
    }
  }
  if (!allowed && child.kill_with_sudo) kill_as_root(child);
}

void ProcessHost::Impl::kill_as_root(const Child& child) {
  ProcessSpec spec{.arguments = {"sudo", "-n", "kill", "-KILL", "--", std::to_string(-child.pid())}};
  for (const pid_t pid : child.tree->others()) spec.arguments.push_back(std::to_string(pid));
  spec.environment["PATH"] = child.search_path;
  if (const auto helper = start_child(spec, {}); !helper)
    log_warning("cannot kill a process of another user",
                {{"pid", std::to_string(child.pid())}, {"reason", helper.error().message()}});
}

void ProcessHost::Impl::check_deadlines() {
  const SteadyTime now = Clock::now();
  std::vector<Child*> due;  // kill_as_root() adds children, so the map is not walked while acting
  for (const auto& [id, child] : children)
    if (const auto next = child->deadlines.next(); next && *next <= now) due.push_back(child.get());
  for (Child* child : due) check_deadlines(*child, now);
}

void ProcessHost::Impl::check_deadlines(Child& child, SteadyTime now) {
  const auto passed = [now](const std::optional<SteadyTime>& time) { return time && *time <= now; };
  if (passed(child.deadlines.fork)) return refuse(child, Error(ErrorCode::kTimeout, "the fork server does not answer"));
  if (passed(child.deadlines.timeout)) {
    child.result.timed_out = true;
    terminate(child, kTimeoutGrace);
  }
  if (passed(child.deadlines.look)) look(child, now);
  if (passed(child.deadlines.kill)) {
    kill_tree(child);
    if (child.leader_ended) finish_leader(child);
  }
  if (passed(child.deadlines.give_up)) give_up(child);
  if (passed(child.deadlines.drain)) {
    if (child.paused) {
      child.deadlines.drain = now + kDrainAfterExit;  // the executor is behind, not the process
      return;
    }
    for (const OutputStream stream : kStreams) read_output(child, stream);
    if (child.paused) return;
    child.close_output();
    report_if_done(child);
  }
}

void ProcessHost::Impl::give_up(Child& child) {
  log_error("process does not die", {{"pid", std::to_string(child.pid())}});
  child.deadlines = {};
  child.given_up = true;
  child.result.exit_code = -SIGKILL;
  child.close_output();
  report(child);
  if (is_stopping) finished.push_back(child.id());
}

void ProcessHost::Impl::read_output(Child& child, OutputStream stream) {
  std::string chunk;
  for (int piece = 0; piece < kPiecesPerTurn && !child.paused; ++piece) {
    const bool full = child.is_full(stream);
    const PipeState state = full ? child.drop_output(stream) : child.read_output(stream, chunk);
    if (state == PipeState::kBlocked) return;
    if (state == PipeState::kClosed) break;
    if (full) continue;
    deliver(child, stream, std::move(chunk));
  }
  if (!child.pipes_closed()) return;
  if (child.leader_ended && !child.reaped()) {
    child.tree->look();
    if (child.tree->alive() == 0) end_rest(child);
    return;
  }
  report_if_done(child);
}

void ProcessHost::Impl::deliver(Child& child, OutputStream stream, std::string chunk) {
  const size_t fitting = child.collect(stream, chunk).size();
  if (fitting == 0 || !child.handlers->on_output) return;
  chunk.resize(fitting);
  auto counter = unread.at(child.id());
  const size_t before = counter->fetch_add(fitting);
  executor.post(
      [weak = weak_from_this(), handlers = child.handlers, counter, id = child.id(), stream, chunk = std::move(chunk)] {
        handlers->on_output(stream, chunk);
        const size_t left = counter->fetch_sub(chunk.size());
        if (left < kUnreadBytesMax || left - chunk.size() >= kUnreadBytesMax) return;
        if (const auto host = weak.lock()) host->send({.kind = Command::Kind::kResume, .id = id});
      });
  if (before + fitting >= kUnreadBytesMax) pause(child);
}

void ProcessHost::Impl::pause(Child& child) {
  child.paused = true;
  for (const OutputStream stream : kStreams)
    if (child.output_fd(stream) >= 0) unwatch(child.output_fd(stream));
  // The executor may have caught up before the line above, and its wake-up with it.
  if (*unread.at(child.id()) < kUnreadBytesMax) resume(child);
}

void ProcessHost::Impl::resume(Child& child) {
  if (!child.paused) return;
  child.paused = false;
  for (const OutputStream stream : kStreams)
    if (child.output_fd(stream) >= 0) watch(child.output_fd(stream), pack(child.id(), source_of(stream)), EPOLLIN);
}

void ProcessHost::Impl::report_if_done(Child& child) {
  if (!child.reaped() || !child.pipes_closed() || child.given_up) return;
  child.deadlines = {};
  report(child);
  finished.push_back(child.id());
}

void ProcessHost::Impl::report(Child& child) {
  if (!child.handlers || !child.handlers->on_exit) return;
  executor.post([handlers = std::exchange(child.handlers, nullptr), result = std::move(child.result)]() mutable {
    handlers->on_exit(std::move(result));
  });
}

}  // namespace squall::process

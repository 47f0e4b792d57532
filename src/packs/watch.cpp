#include "packs/watch.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "process/unique_fd.hpp"

namespace squall::packs {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr size_t kDepthMax = 32;  // of directories in each other; a link could lead round in a circle

bool is_of_interest(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.back() != '~' && name != "__pycache__" &&
         !name.ends_with(".pyc") && !name.ends_with(".swp");
}

}  // namespace

struct DirectoryWatch::Impl {
  Impl(Executor& its_executor, WatchOptions its_options, Changed its_changed)
      : executor(its_executor), options(std::move(its_options)), changed(std::move(its_changed)) {}

  Status open();
  Status watch(const std::string& directory, size_t depth, bool tell);
  Status watch_one(const std::string& directory);
  void run();
  void read_events();
  void handle(const inotify_event& event);
  void tell();
  bool is_wanted(const std::string& path) const;

  Executor& executor;
  WatchOptions options;
  Changed changed;
  process::UniqueFd inotify, wake;
  std::map<int, std::string> paths;  // of watches
  std::set<std::string> pending;
  bool overflowed = false;
  std::atomic<bool> stopping{false};
  // Shared with tasks that the executor has still to run when this object is gone.
  std::shared_ptr<std::atomic<bool>> alive = std::make_shared<std::atomic<bool>>(true);
  std::thread thread;
};

// Parents of directories that do not exist yet are watched too, for those alone.
bool DirectoryWatch::Impl::is_wanted(const std::string& path) const {
  for (const std::string& directory : options.directories) {
    if (path == directory || path.starts_with(directory + "/")) return true;
  }
  return false;
}

Status DirectoryWatch::Impl::watch_one(const std::string& directory) {
  const int number = ::inotify_add_watch(inotify.get(), directory.c_str(), kEvents);
  if (number >= 0) {
    paths[number] = directory;
    return {};
  }
  if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};  // gone again, or nobody's to read
  if (errno == ENOSPC) {
    return fail(ErrorCode::kLimit,
                fmt::format("the system allows no more watches of directories; {} is not watched. Raise "
                            "fs.inotify.max_user_watches with sysctl",
                            directory));
  }
  return fail(ErrorCode::kIo, fmt::format("{} cannot be watched: {}", directory, strerror(errno)));
}

// The watch comes before the look inside: what is made in between is found by one of them at least.
Status DirectoryWatch::Impl::watch(const std::string& directory, size_t depth, bool tell) {
  if (depth > kDepthMax) return {};
  SQ_CHECK(watch_one(directory));
  std::error_code failed;
  fs::directory_iterator entry(directory, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    if (!is_of_interest(entry->path().filename().string())) continue;
    const std::string path = entry->path().string();
    if (tell) pending.insert(path);
    std::error_code unknown;
    if (entry->is_directory(unknown)) SQ_CHECK(watch(path, depth + 1, tell));
  }
  return {};
}

Status DirectoryWatch::Impl::open() {
  inotify = process::UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  wake = process::UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!inotify.valid() || !wake.valid())
    return fail(ErrorCode::kIo, fmt::format("directories cannot be watched: {}", strerror(errno)));
  for (std::string& directory : options.directories) {
    directory = absolute_path(directory);
    std::error_code failed;
    if (!fs::is_directory(directory, failed)) SQ_CHECK(watch_one(fs::path(directory).parent_path().string()));
    SQ_CHECK(watch(directory, 0, false));
  }
  thread = std::thread([this] { run(); });
  return {};
}

void DirectoryWatch::Impl::run() {
  using std::chrono::steady_clock;
  steady_clock::time_point first, last;
  while (!stopping) {
    int timeout_ms = -1;
    if (!pending.empty() || overflowed) {
      const auto due = std::min(last + options.quiet, first + options.told_after);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - steady_clock::now());
      timeout_ms = std::max<int>(0, static_cast<int>(left.count()));
    }
    pollfd ready[] = {{inotify.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
    const int count = ::poll(ready, 2, timeout_ms);
    if (count < 0 && errno != EINTR) return log_error("directories are watched no more", {{"reason", strerror(errno)}});
    if (count == 0) {
      tell();
      continue;
    }
    const bool was_idle = pending.empty() && !overflowed;
    if (ready[0].revents != 0) read_events();
    last = steady_clock::now();
    if (was_idle) first = last;
    if (last >= first + options.told_after && !was_idle) tell();
  }
}

void DirectoryWatch::Impl::read_events() {
  alignas(inotify_event) char buffer[16 << 10];
  const ssize_t size = ::read(inotify.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
    handle(*event);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
}

void DirectoryWatch::Impl::handle(const inotify_event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    overflowed = true;
    return;
  }
  const auto found = paths.find(event.wd);
  if (found == paths.end()) return;
  const std::string directory = found->second;
  if ((event.mask & IN_IGNORED) != 0) {
    paths.erase(found);
    return;
  }
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    if (is_wanted(directory)) pending.insert(directory);
    // A directory that was moved away is somebody else's now, under a name that nobody knows.
    if ((event.mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(inotify.get(), event.wd);
    return;
  }
  const std::string name = event.len > 0 ? event.name : "";
  const std::string path = directory + "/" + name;
  if (!is_of_interest(name) || !is_wanted(path)) return;
  std::error_code unknown;
  const bool links_directory = (event.mask & IN_ISDIR) == 0 && fs::is_directory(path, unknown);
  const bool comes = (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  // A file that was only made is still to be written; IN_CLOSE_WRITE follows. A link is whole at once.
  if ((event.mask & IN_CREATE) != 0 && (event.mask & IN_ISDIR) == 0 && !links_directory &&
      !fs::is_symlink(path, unknown)) {
    return;
  }
  pending.insert(path);
  if (comes && ((event.mask & IN_ISDIR) != 0 || links_directory)) {
    if (const Status watched = watch(path, 0, true); !watched)
      log_warning("changes of packs are not seen at once", {{"reason", watched.error().message()}});
  }
}

void DirectoryWatch::Impl::tell() {
  std::set<std::string> told;
  if (!overflowed) told.swap(pending);
  pending.clear();
  overflowed = false;
  executor.post([alive = alive, changed = changed, told = std::move(told)]() mutable {
    if (*alive) changed(std::move(told));
  });
}

DirectoryWatch::DirectoryWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<DirectoryWatch>> DirectoryWatch::start(Executor& executor, WatchOptions options,
                                                              Changed changed) {
  auto impl = std::make_unique<Impl>(executor, std::move(options), std::move(changed));
  SQ_CHECK(impl->open());
  return std::unique_ptr<DirectoryWatch>(new DirectoryWatch(std::move(impl)));
}

DirectoryWatch::~DirectoryWatch() {
  *impl_->alive = false;
  impl_->stopping = true;
  const uint64_t one = 1;
  if (impl_->wake.valid()) (void)!::write(impl_->wake.get(), &one, sizeof one);
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace squall::packs

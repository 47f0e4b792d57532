#include "runners/virtualenv.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "crypto/hash.hpp"
#include "runners/implied_requirements.hpp"
#include "runners/outcome.hpp"

namespace squall::runners {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCompleteMark = "squall-complete";
constexpr std::string_view kFormat = "1";  // part of the hash; to be raised when virtualenvs are made differently
constexpr size_t kHashDigits = 16;
constexpr size_t kVersionsKept = 2;  // the one in use and the one before, which actions may still be running in

// What pip would install: the lines that are neither empty nor comments.
std::string effective_requirements(const std::string& text) {
  std::vector<std::string> lines;
  for (const std::string& line : split(text, '\n'))
    if (const std::string_view trimmed = trim(line); !trimmed.empty() && trimmed.front() != '#')
      lines.emplace_back(trimmed);
  return join(lines, "\n");
}

// Identifies the state of a file without reading it.
std::string stamp_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return "none";
  return fmt::format("{}.{}.{}.{}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size, info.st_ino);
}

// The last line of a step's output that says something; for the error.
std::string last_line(const process::ProcessResult& result) {
  std::string last;
  for (const std::string* output : {&result.standard_output, &result.standard_error})
    for (const std::string& line : split(text_of(*output), '\n'))
      if (!trim(line).empty()) last = trim(line);
  return last;
}

struct Step {
  std::string name;  // "pip install -r requirements.txt"
  std::vector<std::string> arguments;
  bool may_fail = false;  // the pack is run all the same
};

// Prints which of its arguments cannot be imported.
constexpr std::string_view kFindMissing =
    "import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])";

}  // namespace

struct Virtualenvs::Impl : std::enable_shared_from_this<Virtualenvs::Impl> {
  struct Pack {
    std::string name, path;
    std::string stamp;  // of the requirements that `interpreter` or `error` is about
    std::optional<Interpreter> interpreter;
    std::optional<Error> error;
    Duration failed_at{};
    bool building = false;
    std::vector<Done> waiting;
    // While building:
    std::string building_stamp, target;
    std::string requirements;          // that its requirements.txt asks for
    std::vector<std::string> implied;  // that it imports and does not ask for
    process::Environment environment;  // besides that of the options
    std::vector<Step> steps;
    size_t next_step = 0;
  };

  Impl(Executor& its_executor, process::ProcessHost& its_processes, VirtualenvOptions its_options,
       const Clock& its_clock)
      : executor(its_executor), processes(its_processes), options(std::move(its_options)), clock(its_clock) {
    options.directory = absolute_path(options.directory);
  }

  void ensure(const std::string& name, const std::string& path, Done done, const process::Environment& environment);
  std::vector<fs::path> versions_of(const std::string& pack) const;
  void forget(const std::string& name);
  void remove(const std::string& name);
  void remove_all(std::vector<fs::path> paths);
  void start(Pack& pack);
  void find_version(Pack& pack);
  void read_requirements(Pack& pack);
  void find_missing(Pack& pack, const std::vector<ImpliedRequirement>& implied);
  void prepare(Pack& pack);
  void run_step(Pack& pack);
  void step_ended(Pack& pack, process::ProcessResult result);
  Status complete(Pack& pack);
  void remove_old(const Pack& pack);
  void append_log(const Pack& pack, std::string_view text) const;
  void finish(Pack& pack, Result<Interpreter> result);
  void run(std::vector<std::string> arguments, std::function<void(process::ProcessResult)> done,
           const std::function<void(Error)>& failed, const process::Environment& environment = {});

  fs::path link_of(const Pack& pack) const { return fs::path(options.directory) / pack.name; }
  fs::path log_of(const Pack& pack) const { return fs::path(options.directory) / (pack.name + ".log"); }
  std::string requirements_of(const Pack& pack) const { return pack.path + "/requirements.txt"; }

  Executor& executor;
  process::ProcessHost& processes;
  VirtualenvOptions options;
  const Clock& clock;
  std::string python_version;  // empty until asked for
  std::map<std::string, Pack> packs;
};

void Virtualenvs::Impl::ensure(const std::string& name, const std::string& path, Done done,
                               const process::Environment& environment) {
  SQ_ASSERT(executor.is_current());
  SQ_ASSERT(!name.empty() && name.find('/') == std::string::npos && name.front() != '.');
  Pack& pack = packs[name];
  pack.name = name;
  if (pack.building) {
    pack.waiting.push_back(std::move(done));
    return;
  }
  pack.path = path;
  const std::string stamp = stamp_of(requirements_of(pack));
  const bool is_current = stamp == pack.stamp;
  if (is_current && pack.interpreter) return done(*pack.interpreter);
  if (is_current && pack.error && clock.monotonic() - pack.failed_at < options.retry_after)
    return done(fail(*pack.error));
  pack.environment = environment;
  pack.building_stamp = stamp;
  pack.waiting.push_back(std::move(done));
  start(pack);
}

void Virtualenvs::Impl::start(Pack& pack) {
  pack.building = true;
  read_requirements(pack);
}

// What nobody asks for is not looked for either: most packs go without any process.
void Virtualenvs::Impl::read_requirements(Pack& pack) {
  pack.requirements.clear();
  pack.implied.clear();
  if (pack.building_stamp != "none") {
    const auto text = read_file(requirements_of(pack));
    if (!text) return finish(pack, fail(text.error()));
    pack.requirements = effective_requirements(*text);
  }
  const auto implied = implied_requirements(pack.path, pack.requirements);
  if (!implied.empty()) return find_missing(pack, implied);
  prepare(pack);
}

void Virtualenvs::Impl::find_missing(Pack& pack, const std::vector<ImpliedRequirement>& implied) {
  std::vector<std::string> arguments = {options.python, "-c", std::string(kFindMissing)};
  for (const ImpliedRequirement& one : implied) arguments.push_back(one.module);
  run(
      std::move(arguments),
      [this, &pack, implied](process::ProcessResult result) {
        const std::vector<std::string> missing = split(trim(result.standard_output), ' ');
        for (const ImpliedRequirement& one : implied) {
          if (std::find(missing.begin(), missing.end(), one.module) != missing.end())
            pack.implied.push_back(one.requirement);
        }
        prepare(pack);
      },
      [this, &pack](Error error) { finish(pack, fail(std::move(error))); });
}

void Virtualenvs::Impl::find_version(Pack& pack) {
  run(
      {options.python, "-c", "import sys; print(sys.version)"},
      [this, &pack](process::ProcessResult result) {
        if (result.exit_code != 0)
          return finish(pack,
                        fail(ErrorCode::kIo, fmt::format("{} does not run: {}", options.python, last_line(result))));
        python_version = result.standard_output;
        prepare(pack);
      },
      [this, &pack](Error error) { finish(pack, fail(std::move(error))); });
}

void Virtualenvs::Impl::prepare(Pack& pack) {
  if (pack.requirements.empty() && pack.implied.empty()) return finish(pack, Interpreter{options.python, ""});
  if (python_version.empty()) return find_version(pack);

  std::string identity = fmt::format("{}\n{}\n{}", kFormat, python_version, pack.requirements);
  if (!pack.implied.empty()) identity += "\n" + join(pack.implied, "\n");
  const std::string hash = crypto::sha256_hex(identity);
  const fs::path target = fs::path(options.directory) / fmt::format(".{}-{}", pack.name, hash.substr(0, kHashDigits));
  pack.target = target.string();
  std::error_code error;
  if (fs::exists(target / kCompleteMark, error)) {
    const Status status = complete(pack);
    return finish(pack, status ? Result<Interpreter>(Interpreter{pack.target + "/bin/python", pack.target})
                               : fail(status.error()));
  }
  fs::create_directories(options.directory, error);
  if (error)
    return finish(pack, fail(ErrorCode::kIo, fmt::format("cannot make {}: {}", options.directory, error.message())));
  fs::remove(log_of(pack), error);
  log_info("making a virtualenv", {{"pack", pack.name}, {"directory", pack.target}});
  pack.steps = {{"rm", {"rm", "-rf", "--", pack.target}},  // what an interrupted attempt left
                {fmt::format("{} -m venv", options.python),
                 {options.python, "-m", "venv", "--system-site-packages", pack.target}}};
  const auto install = [&](const std::string& name, std::vector<std::string> what, bool may_fail) {
    Step step{name,
              {pack.target + "/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"},
              may_fail};
    step.arguments.insert(step.arguments.end(), what.begin(), what.end());
    pack.steps.push_back(std::move(step));
  };
  if (!pack.requirements.empty()) install("pip install -r requirements.txt", {"-r", requirements_of(pack)}, false);
  if (!pack.implied.empty()) install("pip install " + join(pack.implied, " "), pack.implied, true);
  pack.next_step = 0;
  run_step(pack);
}

void Virtualenvs::Impl::run_step(Pack& pack) {
  const Step& step = pack.steps[pack.next_step];
  append_log(pack, fmt::format("$ {}\n", join(step.arguments, " ")));
  run(
      step.arguments, [this, &pack](process::ProcessResult result) { step_ended(pack, std::move(result)); },
      [this, &pack](Error error) { finish(pack, fail(std::move(error))); }, pack.environment);
}

void Virtualenvs::Impl::step_ended(Pack& pack, process::ProcessResult result) {
  append_log(pack, result.standard_output + result.standard_error);
  const Step& step = pack.steps[pack.next_step];
  if (result.exit_code != 0 && step.may_fail) {
    // It is tried again by the next squall: the mark that the virtualenv is whole is not made.
    log_warning("libraries that a pack imports without requiring them cannot be installed; it runs without them",
                {{"pack", pack.name}, {"step", step.name}, {"reason", last_line(result)}});
    return finish(pack, Interpreter{pack.target + "/bin/python", pack.target});
  }
  if (result.exit_code != 0) {
    const std::string reason =
        result.timed_out ? "took too long" : fmt::format("ended with exit code {}", result.exit_code);
    return finish(pack, fail(ErrorCode::kUnavailable,
                             fmt::format("the virtualenv of pack \"{}\" could not be made: {} {}: {} (all of it: {})",
                                         pack.name, step.name, reason, last_line(result), log_of(pack).string())));
  }
  if (++pack.next_step < pack.steps.size()) return run_step(pack);
  Status status = write_file_atomically((fs::path(pack.target) / kCompleteMark).string(), python_version);
  if (status) status = complete(pack);
  if (!status) return finish(pack, fail(status.error()));
  remove_old(pack);
  finish(pack, Interpreter{pack.target + "/bin/python", pack.target});
}

// Points <directory>/<pack> to the virtualenv. Readers see the old link or the new one.
Status Virtualenvs::Impl::complete(Pack& pack) {
  const fs::path link = link_of(pack);
  const fs::path fresh = link.string() + ".new";
  std::error_code error;
  fs::remove(fresh, error);
  fs::create_directory_symlink(fs::path(pack.target).filename(), fresh, error);
  if (!error) fs::rename(fresh, link, error);
  if (error) return fail(ErrorCode::kIo, fmt::format("cannot make the link {}: {}", link.string(), error.message()));
  return {};
}

std::vector<fs::path> Virtualenvs::Impl::versions_of(const std::string& pack) const {
  std::vector<fs::path> versions;
  std::error_code error;
  const std::string prefix = "." + pack + "-";
  for (const auto& entry : fs::directory_iterator(options.directory, error)) {
    const std::string name = entry.path().filename().string();
    // The exact length keeps ".a-<hash>" of pack "a" apart from ".a-b-<hash>".
    if (name.starts_with(prefix) && name.size() == prefix.size() + kHashDigits) versions.push_back(entry.path());
  }
  return versions;
}

void Virtualenvs::Impl::remove_old(const Pack& pack) {
  std::vector<std::pair<fs::file_time_type, fs::path>> versions;
  std::error_code error;
  for (const fs::path& path : versions_of(pack.name))
    versions.emplace_back(fs::last_write_time(path / kCompleteMark, error), path);
  std::sort(versions.rbegin(), versions.rend());
  std::vector<fs::path> old;
  for (size_t i = kVersionsKept; i < versions.size(); ++i) old.push_back(versions[i].second);
  remove_all(std::move(old));
}

void Virtualenvs::Impl::remove_all(std::vector<fs::path> paths) {
  if (paths.empty()) return;
  std::vector<std::string> arguments = {"rm", "-rf", "--"};
  for (const fs::path& path : paths) arguments.push_back(path.string());
  const auto report = [](const std::string& reason) { log_warning("old virtualenvs stay", {{"reason", reason}}); };
  run(
      std::move(arguments),
      [report](process::ProcessResult result) {
        if (result.exit_code != 0) report(last_line(result));
      },
      [report](Error refused) { report(refused.message()); });
}

void Virtualenvs::Impl::forget(const std::string& name) {
  if (const auto found = packs.find(name); found != packs.end()) {
    if (found->second.building) return;  // it is as new as can be
    packs.erase(found);
  }
  std::error_code error;
  for (const fs::path& path : versions_of(name)) fs::remove(path / kCompleteMark, error);
}

void Virtualenvs::Impl::remove(const std::string& name) {
  if (const auto found = packs.find(name); found != packs.end()) {
    if (found->second.building) return;
    packs.erase(found);
  }
  std::vector<fs::path> paths = versions_of(name);
  for (const char* ending : {"", ".log"}) {
    const fs::path path = fs::path(options.directory) / (name + ending);
    std::error_code error;
    if (fs::symlink_status(path, error).type() != fs::file_type::not_found && !error) paths.push_back(path);
  }
  remove_all(std::move(paths));
}

void Virtualenvs::Impl::append_log(const Pack& pack, std::string_view text) const {
  const int fd = ::open(log_of(pack).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  const ssize_t written = fd < 0 ? -1 : ::write(fd, text.data(), text.size());
  if (fd >= 0) ::close(fd);
  if (written < 0) log_warning("cannot write the log of a virtualenv", {{"file", log_of(pack).string()}});
}

void Virtualenvs::Impl::finish(Pack& pack, Result<Interpreter> result) {
  pack.building = false;
  pack.stamp = pack.building_stamp;
  pack.interpreter.reset();
  pack.error.reset();
  if (result) {
    pack.interpreter = *result;
  } else {
    log_error("no virtualenv", {{"pack", pack.name}, {"reason", result.error().message()}});
    pack.error = result.error();
    pack.failed_at = clock.monotonic();
  }
  const auto waiting = std::exchange(pack.waiting, {});
  for (const Done& done : waiting) done(result);
}

void Virtualenvs::Impl::run(std::vector<std::string> arguments, std::function<void(process::ProcessResult)> done,
                            const std::function<void(Error)>& failed, const process::Environment& environment) {
  process::ProcessSpec spec{.arguments = std::move(arguments), .environment = options.environment};
  for (const auto& [name, value] : environment) spec.environment[name] = value;
  spec.timeout = options.build_timeout;
  const auto started = processes.start(
      std::move(spec), {.on_exit = [weak = weak_from_this(), done = std::move(done)](process::ProcessResult result) {
        if (const auto self = weak.lock()) done(std::move(result));
      }});
  if (!started) failed(started.error());
}

Virtualenvs::Virtualenvs(Executor& executor, process::ProcessHost& processes, VirtualenvOptions options,
                         const Clock& clock)
    : impl_(std::make_shared<Impl>(executor, processes, std::move(options), clock)) {}

Virtualenvs::~Virtualenvs() = default;

void Virtualenvs::ensure(const std::string& pack, const std::string& pack_path, Done done,
                         const process::Environment& environment) {
  impl_->ensure(pack, absolute_path(pack_path), std::move(done), environment);
}

std::string Virtualenvs::progress(const std::string& pack) const {
  const auto found = impl_->packs.find(pack);
  if (found == impl_->packs.end() || !found->second.building) return "";
  const auto& steps = found->second.steps;
  return found->second.next_step < steps.size() ? steps[found->second.next_step].name : "looking at its requirements";
}

void Virtualenvs::forget(const std::string& pack) { impl_->forget(pack); }

void Virtualenvs::remove(const std::string& pack) { impl_->remove(pack); }

}  // namespace squall::runners

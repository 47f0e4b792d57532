#include "process/tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "process/unique_fd.hpp"

namespace squall::process {
namespace {

using Clock = std::chrono::steady_clock;

struct Entry {
  pid_t parent = 0, group = 0, session = 0;
  uint64_t start = 0;
  bool ended = false;  // a zombie
};
using Table = std::map<pid_t, Entry>;

constexpr size_t kStatBytesMax = 1024;  // numbers and a name of 16 bytes

std::string_view read_small(const std::string& path, std::array<char, kStatBytesMax>& space) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = file.valid() ? ::read(file.get(), space.data(), space.size()) : -1;
  return got > 0 ? std::string_view(space.data(), static_cast<size_t>(got)) : std::string_view();
}

std::string_view next_word(std::string_view& text) {
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const size_t end = std::min(text.find(' ', begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

template <typename Number>
Number number_of(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "12 (name) S parent group session ... start ..."; proc(5). The name may hold anything.
bool parse_stat(std::string_view text, Entry& entry) {
  constexpr int kWordsFromSessionToStart = 15;
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return false;
  text.remove_prefix(name_end + 1);
  const std::string_view state = next_word(text);
  entry.ended = state == "Z" || state == "X";
  entry.parent = number_of<pid_t>(next_word(text));
  entry.group = number_of<pid_t>(next_word(text));
  entry.session = number_of<pid_t>(next_word(text));
  for (int i = 0; i < kWordsFromSessionToStart; ++i) next_word(text);
  entry.start = number_of<uint64_t>(next_word(text));
  return entry.start != 0;
}

Table read_table() {
  Table table;
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::opendir("/proc"));
  if (!directory) return table;
  std::array<char, kStatBytesMax> space;
  while (const dirent* one = ::readdir(directory.get())) {
    const pid_t pid = number_of<pid_t>(one->d_name);
    if (pid <= 0) continue;
    Entry entry;
    if (parse_stat(read_small(std::string("/proc/") + one->d_name + "/stat", space), entry)) table.emplace(pid, entry);
  }
  return table;
}

const Table& table_of(std::chrono::milliseconds age) {
  thread_local Table table;
  thread_local Clock::time_point read_at{};
  const Clock::time_point now = Clock::now();
  if (read_at == Clock::time_point{} || now - read_at >= age) {
    table = read_table();
    read_at = now;
  }
  return table;
}

}  // namespace

void ProcessTree::look(std::chrono::milliseconds age) {
  const Table& table = table_of(age);
  std::map<pid_t, uint64_t> found;
  const auto add = [&](pid_t pid, const Entry& entry) { return found.emplace(pid, entry.start).second; };
  std::vector<pid_t> fresh;
  for (const auto& [pid, entry] : table) {
    const auto before = known_.find(pid);
    const bool is_known = before != known_.end() && before->second == entry.start;
    if (pid != root_ && entry.session != root_ && !is_known) continue;
    if (add(pid, entry)) fresh.push_back(pid);
  }
  std::multimap<pid_t, pid_t> children;
  if (!fresh.empty())
    for (const auto& [pid, entry] : table) children.emplace(entry.parent, pid);
  while (!fresh.empty()) {
    const auto [begin, end] = children.equal_range(fresh.back());
    fresh.pop_back();
    for (auto child = begin; child != end; ++child)
      if (add(child->second, table.at(child->second))) fresh.push_back(child->second);
  }
  known_ = std::move(found);
  alive_ = 0;
  for (const auto& [pid, start] : known_) alive_ += table.at(pid).ended ? 0 : 1;
}

std::vector<pid_t> ProcessTree::others() const {
  std::vector<pid_t> result;
  for (const auto& [pid, start] : known_)
    if (pid != root_ && ::getpgid(pid) != root_) result.push_back(pid);
  return result;
}

bool ProcessTree::signal_others(int number) const {
  bool allowed = true;
  for (const pid_t pid : others())
    if (::kill(pid, number) != 0 && errno == EPERM) allowed = false;
  return allowed;
}

size_t tasks_of_machine() {
  // "0.20 0.18 0.12 1/80 11206"
  std::array<char, kStatBytesMax> space;
  std::string_view text = read_small("/proc/loadavg", space);
  for (int i = 0; i < 3; ++i) next_word(text);
  const std::string_view tasks = next_word(text);
  const size_t slash = tasks.find('/');
  return slash == std::string_view::npos ? 0 : number_of<size_t>(tasks.substr(slash + 1));
}

}  // namespace squall::process

#include "runners/database/turns.hpp"

#include <algorithm>

namespace squall::runners::database {
namespace {

constexpr std::string_view kTakeTurn = "database.take_turn";

// Chains that bring a resource to what its spec says: the last of them does what all would do.
bool is_bringing_about(std::string_view action) {
  return action == "database.create" || action == "database.modify" || action == "database.repair" ||
         action == "database.observe";
}

}  // namespace

std::string uid_of_chain(const Value& execution) {
  if (execution["action"]["pack"].string_or("") != "database") return {};
  if (execution["runner"]["name"].string_or("") != "action-chain") return {};
  return execution["parameters"]["object"]["metadata"]["uid"].string();
}

// After a restart: which chains there are, and which of them had the turn. That is every chain that has begun and whose
// living task is not the one that waits for the turn.
void Turns::load() {
  loaded_ = true;
  std::map<std::string, std::string> at;  // chain -> ref of its living task
  control_.find_live([&](const Value& execution) {
    const std::string parent = execution["parent"].string();
    if (!parent.empty()) at[parent] = execution["action"]["ref"].string();
    return false;
  });
  std::vector<Entry> found;
  std::map<std::string, std::string> uids;
  control_.find_live([&](const Value& execution) {
    const std::string uid = uid_of_chain(execution);
    if (uid.empty()) return false;
    const std::string id = execution["id"].string();
    const auto task = at.find(id);
    const bool begun = !execution["children"].empty();
    found.push_back(
        {id, execution["action"]["ref"].string(), begun && (task == at.end() || task->second != kTakeTurn)});
    uids[id] = uid;
    return false;
  });
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
  for (Entry& entry : found) queues_[uids[entry.id]].push_back(std::move(entry));
}

Turns::Queue& Turns::queue(const std::string& uid) {
  if (!loaded_) load();
  Queue& entries = queues_[uid];
  entries.remove_if([this](const Entry& entry) { return control_.live(entry.id) == nullptr; });
  return entries;
}

void Turns::make_room(Queue& entries, const Entry& self, TurnMode mode, const std::string& user) {
  std::vector<std::string> ended;
  for (const Entry& entry : entries) {
    if (entry.id == self.id) continue;
    const Value* document = control_.live(entry.id);
    if (document == nullptr) continue;
    const bool replaced = mode == TurnMode::kReplace && !entry.holds && entry.id < self.id &&
                          is_bringing_about(entry.action) && is_bringing_about(self.action);
    const bool preempted = mode == TurnMode::kPreempt && entry.id < self.id;
    // What is under way outside is let finish, so that nothing happens after those who come next have looked.
    if ((replaced || preempted) && !control_.at_work(entry.id)) ended.push_back(entry.id);
  }
  for (const std::string& id : ended) control_.cancel(id, user);
}

bool Turns::take(const std::string& uid, const std::string& mine, const std::string& action, TurnMode mode,
                 const std::string& user) {
  Queue& entries = queue(uid);
  auto self = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.id == mine; });
  if (self == entries.end()) self = entries.insert(entries.end(), Entry{mine, action, false});
  if (self->holds) return true;
  make_room(entries, *self, mode, user);
  for (const Entry& entry : entries) {
    if (entry.id == mine) continue;
    const Value* document = control_.live(entry.id);
    if (document == nullptr) continue;
    const bool delayed = (*document)["status"].string_or("") == "delayed";
    const bool before = entry.id < mine && !delayed;
    if (entry.holds || before) return false;
  }
  self->holds = true;
  return true;
}

void Turns::expect(const std::string& uid, const std::string& id, const std::string& action) {
  Queue& entries = queue(uid);
  const auto known = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.id == id; });
  if (known == entries.end()) entries.push_back({id, action, false});
}

bool Turns::has_others(const std::string& uid, std::string_view mine) {
  const Queue& entries = queue(uid);
  return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.id != mine; });
}

bool Turns::has_others_like(const std::string& uid, std::string_view mine, std::string_view action) {
  const Queue& entries = queue(uid);
  return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.id != mine &&
           (entry.action == action || (is_bringing_about(entry.action) && is_bringing_about(action)));
  });
}

}  // namespace squall::runners::database

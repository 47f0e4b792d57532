#include <cstdio>

#include "base/clock.hpp"
#include "cli/commands.hpp"
#include "cli/commands_content.hpp"

namespace squall::cli {
namespace {

struct Check {
  std::string name;
  bool good = true;
  std::string finding;
  std::string fix;
};

Check check_packs(ApiClient& api) {
  Check check{"packs", true, "", ""};
  const auto packs = api.get("/packs", {{"limit", "-1"}});
  if (!packs) return {"packs", false, packs.error().message(), "see the server's log"};
  check.finding = std::to_string(packs->size()) + " registered";
  if (packs->empty()) {
    check.good = false;
    check.fix = "name a directory of packs with `squall serve --packs DIR`";
  }
  return check;
}

Check check_sensors(ApiClient& api) {
  const auto sensors = api.get("/squall/sensors", {{"limit", "-1"}});
  if (!sensors) return {"sensors", false, sensors.error().message(), "see the server's log"};
  std::string broken;
  for (const Value& sensor : sensors->as_list()) {
    const std::string state = sensor["status"]["state"].string();
    if (!sensor["enabled"].bool_or(false) || state == "running" || state == "starting" || state == "idle" ||
        state.empty()) {
      continue;  // idle: nobody has configured it
    }
    broken += (broken.empty() ? "" : "; ") + sensor["ref"].string() + " is " + state +
              (sensor["status"]["message"].is_string() ? " (" + sensor["status"]["message"].string() + ")" : "");
  }
  if (broken.empty()) return {"sensors", true, std::to_string(sensors->size()) + " registered", ""};
  return {"sensors", false, broken, "`squall sensor get REF` shows more; `squall sensor disable REF` stops one"};
}

Check check_rules(ApiClient& api) {
  const auto failed = api.get("/ruleenforcements", {{"status", "failed"}, {"limit", "1"}, {"sort_desc", "true"}});
  if (!failed) return {"rules", false, failed.error().message(), "see the server's log"};
  if (failed->empty()) return {"rules", true, "no enforcement has failed", ""};
  const Value& latest = failed->as_list().front();
  return {"rules", false,
          "an enforcement of " + latest["rule"]["ref"].string() + " failed at " + latest["enforced_at"].string() +
              ": " + latest["failure_reason"].string(),
          "`squall explain trigger-instance " + latest["trigger_instance_id"].string() + "` tells why"};
}

Check check_waiting(ApiClient& api) {
  std::string waiting;
  for (const char* status : {"paused", "pending"}) {
    const auto found = api.get("/executions", {{"status", status}, {"limit", "1"}});
    if (!found) return {"executions", false, found.error().message(), "see the server's log"};
    if (api.total() > 0) waiting += (waiting.empty() ? "" : ", ") + std::to_string(api.total()) + " " + status;
  }
  if (waiting.empty()) return {"executions", true, "none is paused or waits for an answer", ""};
  return {"executions", true, waiting + ": they wait for somebody (`squall inquiry list`)", ""};
}

}  // namespace

int doctor(ApiClient& api, const Format& format, const std::string& version) {
  std::vector<Check> checks;
  const auto root = api.get("/");
  if (!root) {
    checks.push_back({"server", false, root.error().message(), "start it with `squall serve`, or name it with --url"});
  } else {
    const std::string theirs = (*root)["version"].string();
    checks.push_back({"server", true, api.url() + " answers, version " + theirs + "; this is " + version, ""});
    for (const auto& check : {check_packs, check_sensors, check_rules, check_waiting}) checks.push_back(check(api));
  }
  bool good = true;
  Value shown = Value::empty_list();
  int number = 0;
  for (const Check& check : checks) {
    good = good && check.good;
    shown.push_back(Value::dict({{"check", check.name},
                                 {"status", check.good ? "ok" : "problem"},
                                 {"finding", check.finding},
                                 {"fix", check.fix}}));
    if (!format.is_table()) continue;
    std::printf("%d. %-10s %-7s %s\n", ++number, check.name.c_str(), check.good ? "ok" : "PROBLEM",
                check.finding.c_str());
    if (!check.fix.empty()) std::printf("   fix: %s\n", check.fix.c_str());
  }
  if (!format.is_table()) print_list(format, shown, {}, "checks", -1);
  if (!root) return kExitNoServer;
  return good ? 0 : kExitFindings;
}

}  // namespace squall::cli

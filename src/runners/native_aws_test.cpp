#include "runners/native_aws.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <set>

#include "base/log.hpp"
#include "base/strings.hpp"
#include "net/test_server.hpp"
#include "value/json.hpp"
#include "value/yaml.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;
using net::ServerRequest;
using net::ServerResponse;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "canaryPassw0rd123456789abcd";

Value json(std::string_view text) { return parse_json(text).value(); }

// The part of RDS that the actions need. Instances move on only when a test says so.
struct FakeRds {
  struct Instance {
    std::string status = "creating";
    bool endpoint = false;
    bool protection = false;
    std::map<std::string, std::string> tags;
    std::string password;
    std::string final_snapshot;
  };
  std::mutex mutex;
  std::map<std::string, Instance> instances;
  std::map<std::string, std::string> snapshots;  // name -> instance
  std::vector<std::pair<std::string, std::map<std::string, std::string>>> calls;
  bool lose_create_reply = false;
  std::deque<ServerResponse> next;  // answers before any other

  static ServerResponse error(int status, const std::string& code, const std::string& message) {
    return {.status = status,
            .content_type = "text/xml",
            .body = "<ErrorResponse><Error><Code>" + code + "</Code><Message>" + message +
                    "</Message></Error></ErrorResponse>"};
  }
  static std::string describe(const std::string& id, const Instance& instance) {
    std::string xml =
        "<DBInstance><DBInstanceIdentifier>" + id + "</DBInstanceIdentifier><DBInstanceStatus>" + instance.status +
        "</DBInstanceStatus><Engine>postgres</Engine><EngineVersion>16.8</EngineVersion><DBInstanceArn>arn:" + id +
        "</DBInstanceArn><DbiResourceId>db-X</DbiResourceId><DeletionProtection>" +
        (instance.protection ? "true" : "false") + "</DeletionProtection><TagList>";
    for (const auto& [key, value] : instance.tags)
      xml += "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
    xml += "</TagList>";
    if (instance.endpoint) xml += "<Endpoint><Address>" + id + ".example</Address><Port>5432</Port></Endpoint>";
    return xml + "</DBInstance>";
  }
  ServerResponse result(const std::string& action, const std::string& xml) {
    return {.content_type = "text/xml",
            .body = "<" + action + "Response><" + action + "Result>" + xml + "</" + action + "Result></" + action +
                    "Response>"};
  }

  ServerResponse answer(const ServerRequest& request) {
    const std::lock_guard lock(mutex);
    std::map<std::string, std::string> form;
    for (const auto& [name, value] : net::parse_query(request.body)) form[name] = value;
    const std::string action = form["Action"];
    calls.emplace_back(action, form);
    if (!next.empty()) {
      ServerResponse first = next.front();
      next.pop_front();
      return first;
    }
    const std::string id = form["DBInstanceIdentifier"];
    const auto found = instances.find(id);
    if (action == "CreateDBInstance") return create(form, id);
    if (action == "DescribeEvents") {
      return result(action,
                    "<Events><Event><Message>The storage subnet is "
                    "full</Message><Date>2026-11-22T12:00:00Z</Date></Event></Events>");
    }
    if (action.find("Snapshot") != std::string::npos) return snapshot(action, form);
    if (action == "DescribeDBInstances" && id.empty()) return page(form["Marker"]);
    if (found == instances.end()) return error(404, "DBInstanceNotFound", "DBInstance " + id + " not found.");
    Instance& instance = found->second;
    if (action == "DescribeDBInstances")
      return result(action, "<DBInstances>" + describe(id, instance) + "</DBInstances>");
    if (action == "ModifyDBInstance") {
      if (form.contains("DeletionProtection")) instance.protection = form["DeletionProtection"] == "true";
      if (form.contains("MasterUserPassword")) instance.password = form["MasterUserPassword"];
      return result(action, describe(id, instance));
    }
    if (action == "DeleteDBInstance") {
      if (instance.protection) return error(400, "InvalidParameterCombination", "Cannot delete protected DB Instance");
      if (instance.status == "creating")
        return error(400, "InvalidDBInstanceState", "Instance " + id + " is currently creating.");
      instance.status = "deleting";
      instance.final_snapshot = form["SkipFinalSnapshot"] == "true" ? "(skipped)" : form["FinalDBSnapshotIdentifier"];
      return result(action, describe(id, instance));
    }
    return error(400, "InvalidAction", action);
  }
  ServerResponse create(std::map<std::string, std::string>& form, const std::string& id) {
    if (instances.contains(id)) return error(400, "DBInstanceAlreadyExists", "DB Instance already exists");
    Instance instance;
    for (int i = 1; form.contains("Tags.Tag." + std::to_string(i) + ".Key"); ++i) {
      const std::string prefix = "Tags.Tag." + std::to_string(i);
      instance.tags[form[prefix + ".Key"]] = form[prefix + ".Value"];
    }
    instance.password = form["MasterUserPassword"];
    instance.protection = form["DeletionProtection"] == "true";
    instances[id] = instance;
    if (std::exchange(lose_create_reply, false)) return {.status = 500, .body = "lost"};
    return result("CreateDBInstance", describe(id, instance));
  }
  ServerResponse snapshot(const std::string& action, std::map<std::string, std::string>& form) {
    const std::string name = form["DBSnapshotIdentifier"];
    const auto text = [&](const std::string& snapshot_name) {
      return "<DBSnapshot><DBSnapshotIdentifier>" + snapshot_name + "</DBSnapshotIdentifier><DBInstanceIdentifier>" +
             snapshots[snapshot_name] +
             "</DBInstanceIdentifier><Status>available</Status><PercentProgress>100</PercentProgress></DBSnapshot>";
    };
    const bool known = snapshots.contains(name);
    if (action == "CreateDBSnapshot") {
      if (known) return error(400, "DBSnapshotAlreadyExists", "exists");
      snapshots[name] = form["DBInstanceIdentifier"];
      return result(action, text(name));
    }
    if (!name.empty() && !known) return error(404, "DBSnapshotNotFound", "not found");
    if (action == "DeleteDBSnapshot") {
      const std::string xml = text(name);
      snapshots.erase(name);
      return result(action, xml);
    }
    std::string all;
    for (const auto& [each, instance] : snapshots) {
      if (name.empty() || name == each) all += text(each);
    }
    return result(action, "<DBSnapshots>" + all + "</DBSnapshots>");
  }
  // One instance a page.
  ServerResponse page(const std::string& marker) {
    std::string xml;
    auto at = marker.empty() ? instances.begin() : instances.find(marker);
    if (at != instances.end()) xml = describe(at->first, at->second);
    if (at != instances.end() && ++at != instances.end())
      return result("DescribeDBInstances", "<Marker>" + at->first + "</Marker><DBInstances>" + xml + "</DBInstances>");
    return result("DescribeDBInstances", "<DBInstances>" + xml + "</DBInstances>");
  }
  size_t count(const std::string& action) const {
    return static_cast<size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const auto& call) { return call.first == action; }));
  }
};

class NativeAwsTest : public ::testing::Test {
 protected:
  NativeAwsTest() {
    add_aws_actions(registry_);
    variables_ = {{"AWS_REGION", "eu-west-1"},
                  {"AWS_ACCESS_KEY_ID", "AK"},
                  {"AWS_SECRET_ACCESS_KEY", "canary-secret-key"},
                  {"AWS_ENDPOINT_URL_RDS", server_.url("")}};
  }
  Result<NativeAnswer> run(const std::string& name, const Value& parameters, const Value& state = {}) {
    const NativeAction* action = registry_.find("aws." + name);
    EXPECT_NE(action, nullptr) << name;
    request_.pack = "aws";
    Result<NativeAnswer> answer = action->run({request_, parameters, state, {}, services_});
    // Whatever happens, nothing that is kept may hold a secret.
    std::string kept = answer ? to_json(answer->result) : answer.error().to_string();
    if (answer && answer->wait) kept += to_json(answer->wait->state);
    EXPECT_THAT(kept, Not(HasSubstr(kPassword)));
    EXPECT_THAT(kept, Not(HasSubstr("canary-secret-key")));
    return answer;
  }
  // Calls again after each wait until the action has ended; `on_wait` may change the world meanwhile.
  Result<NativeAnswer> run_to_end(const std::string& name, const Value& parameters,
                                  std::function<void(int)> on_wait = nullptr) {
    Value state;
    for (int waits = 0; waits < 1000; ++waits) {
      auto answer = run(name, parameters, state);
      if (!answer || answer->wait == nullptr) return answer;
      clock_.advance(answer->wait->delay);
      waited_.push_back(answer->wait->delay);
      state = json(to_json(answer->wait->state));  // it goes through the store in between
      if (on_wait) on_wait(waits);
    }
    return fail(ErrorCode::kInternal, "it never ends");
  }
  Value create_parameters(const std::string& uid = "uid-1") const {
    return Value::dict({{"db_instance_identifier", "orders"},
                        {"db_instance_class", "db.t4g.small"},
                        {"engine", "postgres"},
                        {"allocated_storage", 20},
                        {"multi_az", false},
                        {"kms_key_id", Value()},
                        {"vpc_security_group_ids", Value::list({"sg-1"})},
                        {"master_username", "dbadmin"},
                        {"master_user_password", kPassword},
                        {"tags", Value::dict({{"squall.dev/uid", uid}, {"team", "shop"}})},
                        {"parameters", Value::dict({{"BackupTarget", "region"}, {"AllocatedStorage", 30}})}});
  }

  FakeRds rds_;
  net::testing::TestServer server_{[this](const ServerRequest& request) { return rds_.answer(request); }};
  net::HttpClient http_;
  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
  std::map<std::string, std::string> variables_;
  NativeServices services_{.http = http_, .clock = clock_, .environment = [this](const std::string& name) {
                             const auto found = variables_.find(name);
                             return found == variables_.end() ? std::string() : found->second;
                           }};
  NativeRegistry registry_;
  ActionRequest request_;
  std::vector<Duration> waited_;
};

// The metadata that people see and the code that runs must not drift apart.

Value metadata(const std::string& action) {
  const auto text = read_file(SQUALL_SOURCE_DIR "/packs/aws/actions/" + action + ".yaml");
  EXPECT_TRUE(text) << action;
  return parse_yaml(*text).value();
}

TEST_F(NativeAwsTest, EveryActionHasItsMetadata) {
  EXPECT_EQ(registry_.names().size(), 9u);
  for (const std::string& name : registry_.names()) {
    const Value action = metadata(name.substr(4));
    EXPECT_EQ(action["entry_point"], Value(name));
    EXPECT_EQ(action["name"], Value(name.substr(4)));
    EXPECT_EQ(action["runner_type"], Value("native"));
  }
}

TEST_F(NativeAwsTest, EveryParameterReachesAws) {
  rds_.instances["modified"] = {.status = "available"};
  const std::pair<const char*, const char*> cases[] = {{"rds_create_db_instance", "created"},
                                                       {"rds_modify_db_instance", "modified"}};
  for (const auto& [action, identifier] : cases) {
    Value parameters = Value::dict({{"db_instance_identifier", identifier}});
    size_t expected = 0;
    const Value known = metadata(action)["parameters"];
    for (const auto& [name, schema] : known.as_dict()) {
      static const std::set<std::string> kOurs = {"region",    "parameters", "owner_tag",
                                                  "owner_uid", "tags",       "unavailable_timeout"};
      if (kOurs.contains(name)) continue;
      ++expected;
      if (name == "db_instance_identifier") continue;
      const std::string type = schema["type"].string();
      const bool objects = schema["items"]["type"].string_or("") == "object";
      parameters.set(name, type == "integer"   ? Value(7)
                           : type == "boolean" ? Value(true)
                           : type == "object"  ? json(R"({"EnableLogTypes": ["x"]})")
                           : type == "array"   ? Value::list({objects ? json(R"({"Name": "a"})") : Value("x")})
                                               : Value("text-of-" + name));
    }
    ASSERT_TRUE(run(action, parameters)) << action;
    std::set<std::string> sent;
    for (const auto& [name, value] : rds_.calls.back().second) sent.insert(name.substr(0, name.find('.')));
    sent.erase("Action");
    sent.erase("Version");
    EXPECT_EQ(sent.size(), expected) << action;
  }
}

TEST_F(NativeAwsTest, CreateSendsWhatIsGiven) {
  const auto answer = run("rds_create_db_instance", create_parameters());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->result["created"], Value(true));
  EXPECT_EQ(answer->result["status"], Value("creating"));
  EXPECT_EQ(answer->result["arn"], Value("arn:orders"));
  EXPECT_TRUE(answer->result["endpoint"].is_null());
  auto sent = rds_.calls.back().second;
  EXPECT_EQ(sent["MasterUserPassword"], kPassword);
  EXPECT_EQ(sent["AllocatedStorage"], "30") << "raw parameters win";
  EXPECT_EQ(sent["BackupTarget"], "region");
  EXPECT_EQ(sent["MultiAZ"], "false");
  EXPECT_EQ(sent["VpcSecurityGroupIds.VpcSecurityGroupId.1"], "sg-1");
  EXPECT_FALSE(sent.contains("KmsKeyId"));
  EXPECT_EQ(rds_.instances["orders"].tags["squall.dev/uid"], "uid-1");
  EXPECT_EQ(mask_secrets(kPassword), "********");
}

TEST_F(NativeAwsTest, CreateAgainFindsItsOwn) {
  ASSERT_TRUE(run("rds_create_db_instance", create_parameters()));
  const auto again = run("rds_create_db_instance", create_parameters());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->result["created"], Value(false));
  EXPECT_EQ(rds_.count("CreateDBInstance"), 1u);
}

TEST_F(NativeAwsTest, CreateWhoseReplyWasLostMakesOneInstance) {
  rds_.lose_create_reply = true;
  const auto answer = run("rds_create_db_instance", create_parameters());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->result["created"], Value(false));
  EXPECT_EQ(rds_.count("CreateDBInstance"), 2u);
  EXPECT_EQ(rds_.instances.size(), 1u);
}

TEST_F(NativeAwsTest, CreateLeavesSomebodyElsesAlone) {
  ASSERT_TRUE(run("rds_create_db_instance", create_parameters("uid-of-another")));
  for (const Value& parameters : {create_parameters("uid-1"), [&] {
                                    Value without = create_parameters();
                                    without.erase("tags");
                                    return without;
                                  }()}) {
    const auto taken = run("rds_create_db_instance", parameters);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().type(), "NameTaken");
    EXPECT_EQ(taken.error().code(), ErrorCode::kConflict);
    EXPECT_THAT(taken.error().message(), Not(HasSubstr("uid-of-another")));
  }
  EXPECT_EQ(rds_.count("CreateDBInstance"), 1u);
  Value other_tag = create_parameters();
  other_tag.set("owner_tag", "team");
  EXPECT_TRUE(run("rds_create_db_instance", other_tag));
}

TEST_F(NativeAwsTest, CreateWaitsUntilTheOldOneIsGone) {
  ASSERT_TRUE(run("rds_create_db_instance", create_parameters()));
  rds_.instances["orders"].status = "deleting";
  const auto answer = run_to_end("rds_create_db_instance", create_parameters(), [&](int waits) {
    if (waits == 3) rds_.instances.erase("orders");
  });
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->result["created"], Value(true));
  EXPECT_EQ(rds_.count("CreateDBInstance"), 2u);
}

TEST_F(NativeAwsTest, RefusedCreateWaitsWithoutAThreadAndMakesOneInstance) {
  for (int i = 0; i < 7; ++i) rds_.next.push_back(FakeRds::error(503, "ServiceUnavailable", "away"));
  const auto answer = run_to_end("rds_create_db_instance", create_parameters());
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(rds_.instances.size(), 1u);
  EXPECT_EQ(waited_.size(), 2u) << "three tries of the client each time";
  rds_.next.assign(3, FakeRds::error(400, "Throttling", "Rate exceeded"));
  Value parameters = create_parameters();
  parameters.set("unavailable_timeout", 0);
  EXPECT_EQ(run("rds_create_db_instance", parameters).error().type(), "Throttling");
}

TEST_F(NativeAwsTest, ManyWaitersShareOneLook) {
  constexpr int kWaiters = 20;
  for (int i = 0; i < kWaiters; ++i) rds_.instances["db-" + std::to_string(i)] = {.status = "creating"};
  std::vector<Value> states(kWaiters);
  const auto poll_all = [&] {
    for (int i = 0; i < kWaiters; ++i) {
      const auto answer = run("rds_wait_db_instance",
                              Value::dict({{"db_instance_identifier", "db-" + std::to_string(i)}}), states[size_t(i)]);
      ASSERT_TRUE(answer && answer->wait);
      states[size_t(i)] = answer->wait->state;
    }
  };
  for (int round = 0; round < 3; ++round) {
    poll_all();
    clock_.advance(30s);
  }
  std::lock_guard lock(rds_.mutex);
  // Alone, the first one asked for itself; then each round reads the list once: 20 pages of the fake, of one record
  // each.
  EXPECT_EQ(rds_.calls.size(), 1u + 3u * kWaiters);
  for (size_t i = 1; i < rds_.calls.size(); ++i) EXPECT_FALSE(rds_.calls[i].second.contains("DBInstanceIdentifier"));
}

TEST_F(NativeAwsTest, OwnerGuardsChangesAndSnapshots) {
  rds_.instances["orders"] = {.status = "available", .tags = {{"squall.dev/uid", "uid-1"}}};
  const auto with_owner = [](Value parameters, const char* owner) {
    parameters.set("owner_uid", owner);
    return parameters;
  };
  const Value modify = Value::dict({{"db_instance_identifier", "orders"}, {"allocated_storage", 50}});
  EXPECT_EQ(run("rds_modify_db_instance", with_owner(modify, "uid-2")).error().type(), "NameTaken");
  EXPECT_EQ(rds_.count("ModifyDBInstance"), 0u);
  EXPECT_TRUE(run("rds_modify_db_instance", with_owner(modify, "uid-1")));
  const Value snapshot = Value::dict({{"db_instance_identifier", "orders"}, {"db_snapshot_identifier", "s"}});
  EXPECT_EQ(run("rds_create_db_snapshot", with_owner(snapshot, "uid-2")).error().type(), "NameTaken");
  EXPECT_TRUE(run("rds_create_db_snapshot", with_owner(snapshot, "uid-1")));
  EXPECT_EQ(run("rds_delete_db_snapshot", with_owner(snapshot, "uid-2")).error().type(), "NameTaken");
  EXPECT_EQ(rds_.count("DeleteDBSnapshot"), 0u);
  EXPECT_EQ(rds_.snapshots.size(), 1u);
}

TEST_F(NativeAwsTest, CreateErrorsKeepAwssCodeAndStatus) {
  rds_.next = {FakeRds::error(404, "DBInstanceNotFound", "not found"),
               FakeRds::error(400, "InstanceQuotaExceeded", std::string("password ") + kPassword + " seen")};
  const auto answer = run("rds_create_db_instance", create_parameters());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().type(), "InstanceQuotaExceeded");
  EXPECT_EQ(answer.error().http_status(), 400);
}

TEST_F(NativeAwsTest, MalformedPasswordHandleFailsBeforeAnythingIsMade) {
  Value parameters = create_parameters();
  parameters.set("master_user_password", "secretref://vault/no-key");
  EXPECT_FALSE(run("rds_create_db_instance", parameters));
  EXPECT_EQ(rds_.count("CreateDBInstance"), 0u);
}

TEST_F(NativeAwsTest, NoCredentialsIsNamed) {
  variables_.erase("AWS_ACCESS_KEY_ID");
  variables_.erase("AWS_SECRET_ACCESS_KEY");
  variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_EQ(run("rds_describe_db_instances", Value::empty_dict()).error().type(), "NoCredentials");
  variables_.erase("AWS_REGION");
  EXPECT_EQ(run("rds_describe_db_instances", Value::empty_dict()).error().type(), "NoRegion");
}

TEST_F(NativeAwsTest, DescribeOneAndAll) {
  const Value one = Value::dict({{"db_instance_identifier", "orders"}});
  EXPECT_EQ(run("rds_describe_db_instance", one).error().type(), "DBInstanceNotFound");
  Value lenient = one;
  lenient.set("missing_ok", true);
  EXPECT_EQ(run("rds_describe_db_instance", lenient)->result["exists"], Value(false));
  for (const char* id : {"a", "b", "orders"})
    rds_.instances[id] = {.status = "available", .endpoint = true, .tags = {{"k", "v"}}};
  const auto found = run("rds_describe_db_instance", one);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->result["endpoint"], json(R"({"address": "orders.example", "port": 5432})"));
  EXPECT_EQ(found->result["tags"], json(R"({"k": "v"})"));
  EXPECT_EQ(found->result["exists"], Value(true));
  const auto all = run("rds_describe_db_instances", Value::dict({{"filters", json(R"({"engine": "postgres"})")}}));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->result["count"], Value(3));
  EXPECT_EQ(all->result["db_instances"][2]["db_instance_identifier"], Value("orders"));
  EXPECT_EQ(rds_.calls.back().second["Filters.Filter.1.Values.Value.1"], "postgres");
}

TEST_F(NativeAwsTest, ModifyChangesThePassword) {
  rds_.instances["orders"] = {.status = "available"};
  const auto answer = run("rds_modify_db_instance", Value::dict({{"db_instance_identifier", "orders"},
                                                                 {"master_user_password", kPassword},
                                                                 {"apply_immediately", true}}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(rds_.instances["orders"].password, kPassword);
  EXPECT_EQ(run("rds_modify_db_instance", Value::dict({{"db_instance_identifier", "none"}})).error().type(),
            "DBInstanceNotFound");
}

// Deleting.

TEST_F(NativeAwsTest, DeleteOfNothingIsDone) {
  const auto answer = run("rds_delete_db_instance", Value::dict({{"db_instance_identifier", "orders"}}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->result["deleted"], Value(false));
}

TEST_F(NativeAwsTest, DeleteTakesASnapshotUnlessToldNotTo) {
  const Value parameters = Value::dict({{"db_instance_identifier", "orders"}});
  rds_.instances["orders"] = {.status = "available"};
  const auto by_default = run("rds_delete_db_instance", parameters);
  ASSERT_TRUE(by_default);
  EXPECT_EQ(rds_.instances["orders"].final_snapshot, "orders-final-1795348800");
  EXPECT_EQ(by_default->result["final_db_snapshot_identifier"], Value("orders-final-1795348800"));
  const auto again = run("rds_delete_db_instance", parameters);
  ASSERT_TRUE(again) << "an instance on its way out is as good as deleted";
  EXPECT_EQ(again->result["deleted"], Value(true));
  EXPECT_EQ(rds_.count("DeleteDBInstance"), 1u);
  Value named = parameters;
  named.set("final_db_snapshot_identifier", "my-last");
  rds_.instances["orders"] = {.status = "available"};
  ASSERT_TRUE(run("rds_delete_db_instance", named));
  EXPECT_EQ(rds_.instances["orders"].final_snapshot, "my-last");
  Value skipped = parameters;
  skipped.set("skip_final_snapshot", true);
  rds_.instances["orders"] = {.status = "available"};
  ASSERT_TRUE(run("rds_delete_db_instance", skipped));
  EXPECT_EQ(rds_.instances["orders"].final_snapshot, "(skipped)");
}

TEST_F(NativeAwsTest, DeleteWaitsWhileTheInstanceIsBeingCreated) {
  rds_.instances["orders"] = {.status = "creating"};
  const auto answer = run_to_end("rds_delete_db_instance",
                                 Value::dict({{"db_instance_identifier", "orders"}, {"timeout", 600}}), [&](int waits) {
                                   if (waits == 7) rds_.instances["orders"].status = "available";
                                 });
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->result["deleted"], Value(true));
  EXPECT_EQ(waited_.size(), 8u);
  EXPECT_EQ(waited_.front(), 5s);
  EXPECT_EQ(waited_.back(), 30s);
  EXPECT_EQ(rds_.instances["orders"].final_snapshot, "orders-final-1795348800") << "the name of the first try";
}

TEST_F(NativeAwsTest, DeleteGivesUpAtItsDeadline) {
  rds_.instances["orders"] = {.status = "creating"};
  const auto answer =
      run_to_end("rds_delete_db_instance", Value::dict({{"db_instance_identifier", "orders"}, {"timeout", 100}}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().type(), "TimedOut");
  Duration total{};
  for (const Duration each : waited_) total += each;
  EXPECT_EQ(total, 100s);
}

TEST_F(NativeAwsTest, DeleteLiftsProtectionOnlyWhenTold) {
  rds_.instances["orders"] = {.status = "available", .protection = true};
  Value parameters = Value::dict({{"db_instance_identifier", "orders"}});
  const auto refused = run("rds_delete_db_instance", parameters);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().type(), "InvalidParameterCombination");
  EXPECT_EQ(rds_.count("ModifyDBInstance"), 0u);
  parameters.set("disable_deletion_protection", true);
  const auto answer = run_to_end("rds_delete_db_instance", parameters);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(rds_.instances["orders"].status, "deleting");
}

TEST_F(NativeAwsTest, DeleteLeavesSomebodyElsesAlone) {
  rds_.instances["orders"] = {.status = "available", .tags = {{"squall.dev/uid", "another"}}};
  Value parameters = Value::dict({{"db_instance_identifier", "orders"}, {"owner_uid", "uid-1"}});
  EXPECT_EQ(run("rds_delete_db_instance", parameters).error().type(), "NameTaken");
  EXPECT_EQ(rds_.instances["orders"].status, "available");
  parameters.set("owner_uid", "another");
  EXPECT_TRUE(run("rds_delete_db_instance", parameters));
}

// Waiting.

TEST_F(NativeAwsTest, WaitWalksToAvailable) {
  const Value parameters = Value::dict({{"db_instance_identifier", "orders"}, {"target", "available"}});
  const auto answer = run_to_end("rds_wait_db_instance", parameters, [&](int waits) {
    if (waits == 1) rds_.instances["orders"] = {.status = "creating"};
    if (waits == 5) rds_.instances["orders"].status = "backing-up";
    if (waits == 7) rds_.instances["orders"].status = "available";  // without an endpoint still
    if (waits == 9) rds_.instances["orders"].endpoint = true;
  });
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_FALSE(answer->failed);
  EXPECT_EQ(answer->result["endpoint"], json(R"({"address": "orders.example", "port": 5432})"));
  EXPECT_EQ(answer->result["resource_id"], Value("db-X"));
  EXPECT_EQ(answer->result["engine_version"], Value("16.8"));
  ASSERT_EQ(answer->result["walk"].size(), 3u);
  EXPECT_EQ(answer->result["walk"][0]["status"], Value("creating"));
  EXPECT_EQ(answer->result["walk"][0]["time"], Value("2026-11-22T12:00:07.000000Z"));
  EXPECT_EQ(answer->result["walk"][2]["status"], Value("available"));
  ASSERT_EQ(waited_.size(), 10u);
  EXPECT_EQ(waited_[0], 2s);
  EXPECT_EQ(waited_[3], 20s);
  for (size_t i = 4; i < waited_.size(); ++i) {
    EXPECT_GE(waited_[i], 27s);
    EXPECT_LE(waited_[i], 33s);
  }
  EXPECT_NE(waited_[4], waited_[5]) << "no jitter";
}

TEST_F(NativeAwsTest, WaitUsesItsPollInterval) {
  rds_.instances["orders"] = {.status = "creating"};
  ASSERT_TRUE(run_to_end("rds_wait_db_instance",
                         Value::dict({{"db_instance_identifier", "orders"}, {"poll_interval", 1}}), [&](int waits) {
                           if (waits == 6) rds_.instances["orders"] = {.status = "available", .endpoint = true};
                         }));
  for (const Duration each : waited_) EXPECT_LE(each, 1100ms);
}

TEST_F(NativeAwsTest, WaitFailsOnAStateWithoutReturnAndSaysWhy) {
  rds_.instances["orders"] = {.status = "creating"};
  const auto answer =
      run_to_end("rds_wait_db_instance", Value::dict({{"db_instance_identifier", "orders"}}), [&](int waits) {
        if (waits == 2) rds_.instances["orders"].status = "incompatible-network";
      });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->failed);
  EXPECT_EQ(answer->result["code"], Value("DBInstanceFailed"));
  EXPECT_THAT(answer->result["error"].string(), HasSubstr("incompatible-network"));
  EXPECT_THAT(answer->result["error"].string(), HasSubstr("The storage subnet is full"));
  EXPECT_EQ(answer->result["walk"].size(), 2u);
}

TEST_F(NativeAwsTest, WaitTimesOutAtItsDeadline) {
  rds_.instances["orders"] = {.status = "creating"};
  const auto answer =
      run_to_end("rds_wait_db_instance", Value::dict({{"db_instance_identifier", "orders"}, {"timeout", 300}}));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->failed);
  EXPECT_EQ(answer->result["code"], Value("TimedOut"));
  EXPECT_EQ(answer->result["waited_seconds"], Value(300));
}

TEST_F(NativeAwsTest, WaitForAnInstanceThatNeverComesOrGoesAway) {
  const Value parameters = Value::dict({{"db_instance_identifier", "orders"}});
  const auto never = run_to_end("rds_wait_db_instance", parameters);
  EXPECT_EQ(never->result["code"], Value("DBInstanceNotFound"));
  rds_.instances["orders"] = {.status = "creating"};
  const auto gone = run_to_end("rds_wait_db_instance", parameters, [&](int waits) {
    if (waits == 3) rds_.instances.clear();
  });
  EXPECT_TRUE(gone->failed);
  EXPECT_THAT(gone->result["error"].string(), HasSubstr("is gone"));
}

TEST_F(NativeAwsTest, WaitOutlivesAnOutage) {
  rds_.instances["orders"] = {.status = "available", .endpoint = true};
  for (int i = 0; i < 3; ++i) rds_.next.push_back({.status = 503, .body = "x"});
  const auto answer = run_to_end("rds_wait_db_instance", Value::dict({{"db_instance_identifier", "orders"}}));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->failed);
  EXPECT_EQ(waited_.size(), 1u);
  rds_.next = {FakeRds::error(403, "AccessDenied", "no")};
  EXPECT_EQ(run_to_end("rds_wait_db_instance", Value::dict({{"db_instance_identifier", "orders"}})).error().type(),
            "AccessDenied");
}

TEST_F(NativeAwsTest, WaitForTheEnd) {
  const Value parameters = Value::dict({{"db_instance_identifier", "orders"}, {"target", "deleted"}});
  EXPECT_EQ(run_to_end("rds_wait_db_instance", parameters)->result["status"], Value("deleted"));
  rds_.instances["orders"] = {.status = "deleting"};
  const auto answer = run_to_end("rds_wait_db_instance", parameters, [&](int waits) {
    if (waits == 3) rds_.instances.clear();
  });
  EXPECT_FALSE(answer->failed);
  EXPECT_EQ(answer->result["walk"].size(), 2u);
  rds_.instances["orders"] = {.status = "deleting"};
  const auto back = run_to_end("rds_wait_db_instance", parameters, [&](int waits) {
    if (waits == 3) rds_.instances["orders"].status = "available";
  });
  EXPECT_TRUE(back->failed);
  EXPECT_EQ(back->result["code"], Value("DeletionFailed"));
  EXPECT_EQ(run("rds_wait_db_instance", Value::dict({{"db_instance_identifier", "x"}, {"target", "y"}})).error().code(),
            ErrorCode::kInvalid);
}

// Snapshots.

TEST_F(NativeAwsTest, Snapshots) {
  const Value parameters = Value::dict(
      {{"db_snapshot_identifier", "s1"}, {"db_instance_identifier", "orders"}, {"tags", json(R"({"a": "b"})")}});
  EXPECT_EQ(run("rds_create_db_snapshot", parameters)->result["created"], Value(true));
  EXPECT_EQ(rds_.calls.back().second["Tags.Tag.1.Key"], "a");
  EXPECT_EQ(run("rds_create_db_snapshot", parameters)->result["created"], Value(false));
  EXPECT_EQ(run("rds_create_db_snapshot",
                Value::dict({{"db_snapshot_identifier", "s1"}, {"db_instance_identifier", "other"}}))
                .error()
                .type(),
            "NameTaken");
  EXPECT_EQ(run("rds_describe_db_snapshots", Value::empty_dict())->result["count"], Value(1));
  EXPECT_EQ(run("rds_describe_db_snapshots", Value::dict({{"db_snapshot_identifier", "none"}}))->result["count"],
            Value(0));
  const Value name = Value::dict({{"db_snapshot_identifier", "s1"}});
  EXPECT_EQ(run("rds_delete_db_snapshot", name)->result["deleted"], Value(true));
  EXPECT_EQ(run("rds_delete_db_snapshot", name)->result["deleted"], Value(false));
}

}  // namespace
}  // namespace squall::runners

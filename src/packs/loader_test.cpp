#include "packs/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/strings.hpp"
#include "value/conformance.hpp"
#include "value/json.hpp"

namespace squall::packs {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kTestData = std::string(SQUALL_SOURCE_DIR) + "/src/packs/testdata";

std::string json(const Value& value) { return to_json(value); }

Value from_json(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value ? *value : Value();
}

// The document whose ref ends in the name.
Value named(const std::vector<Value>& documents, std::string_view name) {
  for (const Value& document : documents) {
    if (document["name"].string_or("") == name) return document;
  }
  return {};
}

std::vector<std::string> names(const std::vector<Value>& documents) {
  std::vector<std::string> found;
  for (const Value& document : documents) found.push_back(document["name"].string());
  return found;
}

// A pack in a directory that goes away with it.
class TempPack {
 public:
  explicit TempPack(const std::string& name = "temp") {
    char pattern[] = "/tmp/squall-packs-XXXXXX";
    root_ = ::mkdtemp(pattern);
    directory_ = root_ + "/" + name;
    fs::create_directories(directory_);
    write("pack.yaml", "name: " + name + "\ndescription: x\nversion: 0.1.0\nauthor: x\n");
  }
  ~TempPack() { fs::remove_all(root_); }
  TempPack(const TempPack&) = delete;
  TempPack& operator=(const TempPack&) = delete;

  const std::string& root() const { return root_; }
  const std::string& directory() const { return directory_; }
  void write(const std::string& relative, const std::string& text) const {
    fs::create_directories(fs::path(directory_ + "/" + relative).parent_path());
    std::ofstream(directory_ + "/" + relative) << text;
  }

 private:
  std::string root_;
  std::string directory_;
};

class Loader : public ::testing::Test {
 protected:
  LoadedPack good() { return load_pack(kTestData + "/good", {kTestData + "/configs"}); }
};

TEST_F(Loader, GoodPackHasNoProblems) {
  for (const LoadProblem& problem : good().problems) ADD_FAILURE() << problem.error.to_string();
}

TEST_F(Loader, PackDocument) {
  Value pack = good().pack;
  EXPECT_EQ(pack["path"].string(), kTestData + "/good");
  EXPECT_EQ(pack["files"][0].string(), "actions/act.py");
  EXPECT_EQ(pack["files"].size(), 17u);
  pack.erase("path");
  pack.erase("files");
  EXPECT_EQ(
      json(pack),
      R"({"uid":"pack:good","ref":"good","name":"Good pack","description":"One file of every kind, in every form",)"
      R"("keywords":["test"],"version":"1.0.0","stackstorm_version":">=3.0.0","python_versions":["3"],"author":"Somebody",)"
      R"("email":"somebody@example.com","contributors":["Someone Else <else@example.com>"],"dependencies":[],"system":{}})");
}

TEST_F(Loader, ActionDocuments) {
  const LoadedPack pack = good();
  // In the order of the files; actions/config.yaml is not read.
  EXPECT_THAT(names(pack.actions), ElementsAre("chain", "json", "noop", "old_names"));
  EXPECT_EQ(
      json(named(pack.actions, "noop")),
      R"({"tags":[],"uid":"action:good:noop","metadata_file":"actions/noop.yaml","name":"noop","ref":"good.noop",)"
      R"("enabled":true,"entry_point":"","pack":"good","runner_type":"noop","parameters":{},"output_schema":{},"notify":{}})");
  const Value old = named(pack.actions, "old_names");
  EXPECT_EQ(old["runner_type"].string(), "python-script");
  EXPECT_FALSE(old["enabled"].as_bool());
  EXPECT_EQ(json(old["parameters"]),
            R"({"y":{"type":"string","default":3306},"timeout":{"default":5,"immutable":true}})");
  EXPECT_EQ(json(old["notify"]), R"({"on-success":{"message":"done","routes":["chat"]}})");
  EXPECT_EQ(named(pack.actions, "json")["entry_point"].string(), "good.json");
}

TEST_F(Loader, RuleDocuments) {
  const LoadedPack pack = good();
  EXPECT_EQ(
      json(named(pack.rules, "on_event")),
      R"({"tags":[],"uid":"rule:good:on_event","metadata_file":"rules/on_event.yaml","name":"on_event",)"
      R"("ref":"good.on_event","description":"Runs on an event","pack":"good","type":{"ref":"standard","parameters":{}},)"
      R"("trigger":{"type":"good.event","parameters":{}},"criteria":{"trigger.value":{"type":"gt","pattern":3}},)"
      R"("action":{"ref":"good.noop","parameters":{"text":"{{ trigger.value }}"}},"context":{},"enabled":true})");
  const Value exported = named(pack.rules, "exported");
  EXPECT_EQ(json(exported["type"]), R"({"ref":"backstop","parameters":{}})");
  EXPECT_EQ(json(exported["trigger"]), R"({"type":"core.st2.webhook","parameters":{"url":"hook"}})");
  EXPECT_FALSE(exported["enabled"].as_bool()) << "rules are off unless they say otherwise";
}

TEST_F(Loader, SensorsAndTriggerTypes) {
  const LoadedPack pack = good();
  const Value watch = named(pack.sensors, "Watch");
  EXPECT_EQ(watch["ref"].string(), "good.Watch");
  EXPECT_EQ(watch["uid"].string(), "sensor_type:good:Watch");
  EXPECT_EQ(watch["artifact_uri"].string(), "file://" + kTestData + "/good/sensors/watch.py");
  EXPECT_EQ(watch["entry_point"].string(), "sensors.watch.Watch");
  EXPECT_EQ(json(watch["trigger_types"]), R"(["good.event","good.named_event"])");
  EXPECT_EQ(watch["poll_interval"].int_or(0), 30);
  EXPECT_TRUE(watch["enabled"].as_bool());
  const Value native = named(pack.sensors, "Native");
  EXPECT_EQ(native["entry_point"].string(), "native");
  EXPECT_FALSE(native.contains("poll_interval"));
  EXPECT_FALSE(native["enabled"].as_bool());

  EXPECT_THAT(names(pack.trigger_types), ElementsAre("alone", "event", "named_event"));
  EXPECT_EQ(
      json(named(pack.trigger_types, "alone")),
      R"({"description":"A trigger without a sensor","tags":[{"name":"a","value":"b"}],"uid":"trigger_type:good:alone",)"
      R"("metadata_file":"triggers/alone.yaml","ref":"good.alone","name":"alone","pack":"good","payload_schema":{},)"
      R"("parameters_schema":{}})");
}

TEST_F(Loader, AliasesAndPolicies) {
  const LoadedPack pack = good();
  const Value alias = named(pack.aliases, "say");
  EXPECT_EQ(alias["ref"].string(), "good.say");
  EXPECT_EQ(alias["formats"].size(), 2u);
  EXPECT_EQ(json(alias["ack"]), R"({"enabled":false})");
  EXPECT_TRUE(alias["enabled"].as_bool());
  EXPECT_EQ(
      json(named(pack.policies, "noop.few")),
      R"({"uid":"policy:good:noop.few","metadata_file":"policies/few.yaml","name":"noop.few","ref":"good.noop.few",)"
      R"("pack":"good","description":"Two at a time","enabled":true,"resource_ref":"good.noop",)"
      R"("policy_type":"action.concurrency","parameters":{"threshold":2,"action":"delay"}})");
}

TEST_F(Loader, ConfigAndItsSchema) {
  const LoadedPack pack = good();
  EXPECT_EQ(json(pack.config_schema["port"]), R"({"type":"integer","default":80})");
  // A template stands for a value of any type until it is rendered.
  EXPECT_EQ(json(pack.config), R"({"host":"{{ st2kv.system.host }}","port":"{{ st2kv.system.port }}"})");
  EXPECT_TRUE(load_pack(kTestData + "/good", {}).config.is_null());
  EXPECT_TRUE(load_pack(kTestData + "/good", {kTestData + "/nosuch"}).config.is_null());
}

struct Expected {
  const char* kind;
  const char* place;    // below the pack: "actions/x.yaml:2:1"
  const char* message;  // a part of it
  bool is_warning = false;
};

// One mistake a file; lines and columns count from 1 and are those of the fixture files.
constexpr Expected kMistakes[] = {
    {"action", "actions/bad_name.yaml:2:1", "cannot be part of a reference"},
    {"action", "actions/bad_parameter.yaml:5:3", "\"bad\" is not declared correctly and does not count", true},
    {"action", "actions/bad_parameter_name.yaml:4:3", "\"a-b\" is not declared correctly"},
    {"action", "actions/duplicate_key.yaml:3:1", "the last one counts: remove the others", true},
    {"action", "actions/empty.yaml:1:1", "the file is empty"},
    {"action", "actions/enabled_text.yaml:3:1", "has to be true or false, it is 'maybe'"},
    {"action", "actions/json_syntax.json:3:18", "not valid JSON"},
    {"action", "actions/latin1.yaml", "not valid YAML"},
    {"action", "actions/list.yaml:1:1", "it has to be a map"},
    {"action", "actions/missing_file.yaml:3:1", "\"nosuch.sh\" names no file", true},
    {"action", "actions/no_default.yaml:4:3", "\"fixed\" is immutable, so it needs a default"},
    {"action", "actions/no_entry_point.yaml:2:1", "the runner python-script needs the name of a file"},
    {"action", "actions/no_name.yaml:1:1", "\"name\" is missing"},
    {"action", "actions/no_runner.yaml:1:1", "\"runner_type\" is missing"},
    {"action", "actions/number_name.yaml:1:1", "\"name\" has to be a text (put it in quotes), it is 12"},
    {"action", "actions/other_pack.yaml:2:1", "belongs to the pack \"broken\""},
    {"action", "actions/outside.yaml:3:1", "outside of actions/"},
    {"action", "actions/override.yaml:6:5", "the attribute \"type\" of the runner's parameter \"timeout\""},
    {"action", "actions/same_position.yaml:5:21", "\"a\" and \"b\" have the same position"},
    {"action", "actions/syntax.yaml", "not valid YAML"},
    {"action", "actions/twice_2.yaml:2:1", "broken.twice is defined in actions/twice_1.yaml already"},
    {"action", "actions/unknown_key.yaml:3:1", "\"paramters\" is not known here"},
    {"action", "actions/unknown_runner.yaml:2:1", "python-script, remote-shell-cmd"},
    {"alias", "aliases/bad_format.yaml:5:5", "a format has to be a text"},
    {"alias", "aliases/no_action.yaml:1:1", "\"action_ref\" is missing"},
    {"config_schema", "config.schema.yaml:2:1", "\"port\" is not declared correctly", true},
    {"policy", "policies/bad_parameters.yaml:4:1", "do not fit the policy type action.retry"},
    {"policy", "policies/unknown_type.yaml:3:1", "action.concurrency, action.concurrency.attr, action.retry"},
    {"rule", "rules/bad_operator.yaml:5:3", "equalz"},
    {"rule", "rules/bad_type.yaml:2:8", "\"standard\" or \"backstop\""},
    {"rule", "rules/no_action.yaml:1:1", "\"action\" is missing"},
    {"rule", "rules/no_pattern.yaml:4:3", "pattern"},
    {"rule", "rules/no_trigger.yaml:1:1", "\"trigger\" is missing"},
    {"rule", "rules/no_trigger_type.yaml:2:1", "\"trigger.type\" is missing"},
    {"rule", "rules/trigger_text.yaml:2:1", "\"trigger\" has to be a map"},
    {"sensor", "sensors/interval.yaml:3:1", "whole number of seconds"},
    {"sensor", "sensors/missing_file.yaml:2:1", "\"nosuch.py\" names no file"},
    {"sensor", "sensors/nameless_trigger.yaml:5:5", "\"trigger_types.1.name\" is missing"},
    {"sensor", "sensors/no_class.yaml:1:1", "\"class_name\" is missing"},
    {"sensor", "sensors/no_entry_point.yaml:1:1", "\"entry_point\" is missing"},
    {"sensor", "sensors/otherwise.yaml:4:5", "broken.shared is defined otherwise in sensors/fine.yaml"},
    {"trigger", "triggers/no_name.yaml:1:1", "\"name\" is missing"},
};

TEST_F(Loader, EveryMistakeIsOneProblemAndTheRestLoads) {
  const std::string directory = kTestData + "/broken";
  const LoadedPack pack = load_pack(directory, {});
  std::map<std::string, const LoadProblem*> by_file;
  for (const LoadProblem& problem : pack.problems) {
    EXPECT_EQ(problem.pack, "broken");
    EXPECT_TRUE(by_file.emplace(problem.error.where().file, &problem).second) << "twice: " << problem.error.to_string();
  }
  for (const Expected& expected : kMistakes) {
    const std::string place = expected.place;
    const auto found = by_file.find(directory + "/" + place.substr(0, place.find(':')));
    if (found == by_file.end()) {
      ADD_FAILURE() << "no problem at " << place;
      continue;
    }
    const LoadProblem& problem = *found->second;
    EXPECT_EQ(problem.kind, expected.kind) << place;
    EXPECT_EQ(problem.is_warning, expected.is_warning) << place;
    EXPECT_THAT(problem.error.where().to_string(), HasSubstr(directory + "/" + place));
    EXPECT_THAT(problem.error.message(), HasSubstr(expected.message)) << place;
    by_file.erase(found);
  }
  for (const auto& [file, problem] : by_file) ADD_FAILURE() << "not expected: " << problem->error.to_string();

  EXPECT_THAT(names(pack.actions), ElementsAre("bad_parameter", "other", "fine", "missing_file", "twice"));
  EXPECT_THAT(names(pack.rules), ElementsAre("fine"));
  EXPECT_THAT(names(pack.sensors), ElementsAre("Fine"));
  EXPECT_THAT(names(pack.trigger_types), ElementsAre("shared"));
  EXPECT_EQ(json(pack.config_schema), R"({"host":{"type":"string"},"port":{}})");
  EXPECT_EQ(json(pack.config), R"({"host":"old"})") << "the config.yaml of an old pack counts";
}

TEST_F(Loader, SyntaxErrorNamesItsLine) {
  TempPack temp;
  temp.write("actions/a.yaml", "name: a\nrunner_type: noop\n  description: deeper\n");
  const LoadedPack pack = load_pack(temp.directory(), {});
  ASSERT_EQ(pack.problems.size(), 1u);
  EXPECT_EQ(pack.problems[0].error.where().file, temp.directory() + "/actions/a.yaml");
  EXPECT_EQ(pack.problems[0].error.where().line, 3);
}

TEST_F(Loader, UnusablePackFile) {
  const struct {
    const char* text;
    int line;
    const char* message;
  } cases[] = {
      {"", 1, "is empty"},
      {"- a\n", 1, "has to be a map"},
      {"description: x\nversion: 1.0.0\nauthor: x\n", 1, "\"name\" is missing"},
      {"name: x\nversion: 1.0.0\nauthor: x\n", 1, "\"description\" is missing"},
      {"name: x\ndescription: x\nauthor: x\n", 1, "\"version\" is missing"},
      {"name: x\ndescription: x\nversion: 1.0.0\n", 1, "\"author\" is missing"},
      {"name: x\ndescription: x\nversion: 1\nauthor: x\n", 3, "\"1\" is no semantic version"},
      {"name: x\ndescription: x\nversion: 1.x\nauthor: x\n", 3, "\"1.x\" is no semantic version"},
      {"name: x\ndescription: x\nversion: v1.0.0\nauthor: x\n", 3, "no semantic version"},
      {"name: x\nref: a-b\ndescription: x\nversion: 1.0.0\nauthor: x\n", 2, "may only have a-z, 0-9 and _"},
      {"name: x\nref: _global\ndescription: x\nversion: 1.0.0\nauthor: x\n", 2, "reserved"},
      {"name: \"x\n", 0, "not valid YAML"},
  };
  for (const auto& [text, line, message] : cases) {
    TempPack temp;
    temp.write("pack.yaml", text);
    temp.write("actions/a.yaml", "name: a\nrunner_type: noop\n");
    const LoadedPack pack = load_pack(temp.directory(), {});
    EXPECT_TRUE(pack.pack.is_null()) << text;
    EXPECT_TRUE(pack.actions.empty()) << text;
    ASSERT_EQ(pack.problems.size(), 1u) << text;
    EXPECT_EQ(pack.problems[0].kind, "pack");
    EXPECT_EQ(pack.problems[0].pack, "temp") << "the directory's name";
    EXPECT_EQ(pack.problems[0].error.where().file, temp.directory() + "/pack.yaml");
    EXPECT_TRUE(line == 0 || pack.problems[0].error.where().line == line) << pack.problems[0].error.to_string();
    EXPECT_THAT(pack.problems[0].error.message(), HasSubstr(message));
  }
}

TEST_F(Loader, AVersionOfTwoNumbersGetsItsThird) {
  for (const char* version : {"0.2", "\"0.2\""}) {
    TempPack temp;
    temp.write("pack.yaml", std::string("name: x\ndescription: x\nversion: ") + version + "\nauthor: x\n");
    EXPECT_EQ(load_pack(temp.directory(), {}).pack["version"].string(), "0.2.0") << version;
  }
}

TEST_F(Loader, RefIsTheOneGivenElseTheDirectoryElseTheName) {
  const std::string rest = "description: x\nversion: 1.0.0\nauthor: x\n";
  TempPack given("directory");
  given.write("pack.yaml", "name: name\nref: ref\n" + rest);
  EXPECT_EQ(load_pack(given.directory(), {}).pack["ref"].string(), "ref");
  given.write("pack.yaml", "name: name\n" + rest);
  EXPECT_EQ(load_pack(given.directory() + "/", {}).pack["ref"].string(), "directory");
  TempPack dashed("my-pack");
  dashed.write("pack.yaml", "name: name\n" + rest);
  EXPECT_EQ(load_pack(dashed.directory(), {}).pack["ref"].string(), "name");
  dashed.write("pack.yaml", "name: My Pack\n" + rest);
  const LoadedPack neither = load_pack(dashed.directory(), {});
  ASSERT_EQ(neither.problems.size(), 1u);
  EXPECT_THAT(neither.problems[0].error.message(), HasSubstr("add a \"ref\""));
}

TEST_F(Loader, ConfigThatDoesNotFitItsSchema) {
  TempPack temp;
  temp.write("config.schema.yaml", "port: {type: integer}\ntoken: {type: integer, secret: true}\n");
  temp.write("../configs/temp.yaml", "# comment\nport: eighty\n");
  LoadedPack pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  ASSERT_EQ(pack.problems.size(), 1u);
  EXPECT_EQ(pack.problems[0].error.where().to_string(), temp.root() + "/configs/temp.yaml:2:1");
  EXPECT_THAT(pack.problems[0].error.message(), HasSubstr("'eighty' is not of type 'integer'"));
  EXPECT_TRUE(pack.config.is_null());
  EXPECT_FALSE(pack.config_schema.is_null());

  temp.write("../configs/temp.yaml", "token: hunter2\n");
  pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  ASSERT_EQ(pack.problems.size(), 1u);
  EXPECT_EQ(pack.problems[0].error.to_string().find("hunter2"), std::string::npos) << "a secret must not be told";

  temp.write("../configs/temp.yaml", "");
  pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  EXPECT_TRUE(pack.problems.empty());
  EXPECT_EQ(json(pack.config), "{}");
}

TEST_F(Loader, ConfigOfAnOldPackLiesBelowTheConfigOfTheSite) {
  TempPack temp;
  temp.write("config.schema.yaml", "port: {type: integer, required: true}\n");
  temp.write("config.yaml", "user: old\nrds: {engine: mysql, port: 3306}\n");
  EXPECT_EQ(json(load_pack(temp.directory(), {}).config), R"({"user":"old","rds":{"engine":"mysql","port":3306}})");

  temp.write("../configs/temp.yaml", "port: 80\nrds: {engine: postgres}\n");
  LoadedPack pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  EXPECT_TRUE(pack.problems.empty());
  EXPECT_EQ(json(pack.config), R"({"user":"old","rds":{"engine":"postgres"},"port":80})");

  // As in its time, a pack's own file is not held against the schema; that of the site is.
  temp.write("config.yaml", "port: eighty\n");
  temp.write("../configs/temp.yaml", "user: new\n");
  pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  EXPECT_TRUE(pack.problems.empty());
  EXPECT_EQ(json(pack.config), R"({"port":"eighty","user":"new"})");
  temp.write("../configs/temp.yaml", "port: eighty\n");
  pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  ASSERT_EQ(pack.problems.size(), 1u);
  EXPECT_EQ(pack.problems[0].error.where().to_string(), temp.root() + "/configs/temp.yaml:1:1");

  temp.write("config.yaml", "- no map\n");
  temp.write("../configs/temp.yaml", "port: 80\n");
  pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  ASSERT_EQ(pack.problems.size(), 1u);
  EXPECT_EQ(pack.problems[0].error.where().to_string(), temp.directory() + "/config.yaml:1:1");
  EXPECT_EQ(json(pack.config), R"({"port":80})");
}

TEST_F(Loader, UnknownTypesOfPayloadsAreWarnings) {
  TempPack temp;
  temp.write("sensors/s.py", "");
  temp.write("sensors/s.yaml",
             "class_name: S\nentry_point: s.py\ntrigger_types:\n  - name: t\n    payload_schema:\n      type: object\n"
             "      properties:\n        a: {type: obj}\n        b: {type: [string, \"null\"]}\n"
             "        c: {type: array, items: {type: str}}\n");
  temp.write("triggers/u.yaml", "name: u\nparameters_schema: {type: object, properties: {p: {type: text}}}\n");
  const LoadedPack pack = load_pack(temp.directory(), {});
  EXPECT_THAT(names(pack.sensors), ElementsAre("S"));
  EXPECT_THAT(names(pack.trigger_types), ElementsAre("u", "t"));
  ASSERT_EQ(pack.problems.size(), 2u);
  EXPECT_TRUE(pack.problems[0].is_warning && pack.problems[1].is_warning);
  EXPECT_EQ(pack.problems[0].kind, "trigger");
  EXPECT_THAT(pack.problems[0].error.message(), HasSubstr("\"text\" is no type of JSON Schema"));
  EXPECT_EQ(pack.problems[1].error.where().to_string(), temp.directory() + "/sensors/s.yaml:8:13");
  EXPECT_THAT(pack.problems[1].error.message(), HasSubstr("\"obj\", \"str\" is no type"));
}

TEST_F(Loader, TypingMistakesInDeclarationsAreWarnings) {
  TempPack temp;
  temp.write("actions/a.yaml",
             "name: a\nrunner_type: noop\nparameters:\n  p: {type: string, requried: true, default: 3306}\n"
             "  q: {type: array, items: {type: integer, item: x}, position: one, enum: [1, 2]}\n");
  temp.write("config.schema.yaml",
             "url: {type: string, item: x}\ntoken: {$ref: \"#/t\", secret: true}\n"
             "more: {type: object, patternProperties: {\"^a\": {type: string}}}\n");
  LoadedPack pack = load_pack(temp.directory(), {});
  ASSERT_EQ(pack.actions.size(), 1u);
  EXPECT_EQ(json(pack.actions[0]["parameters"]),
            R"({"p":{"type":"string","default":3306},"q":{"type":"array","enum":[1,2]}})");
  EXPECT_EQ(json(pack.config_schema), R"({"url":{"type":"string"},"token":{"$ref":"#/t","secret":true},)"
                                      R"("more":{"type":"object","patternProperties":{"^a":{"type":"string"}}}})");
  ASSERT_EQ(pack.problems.size(), 3u);
  for (const LoadProblem& problem : pack.problems) EXPECT_TRUE(problem.is_warning) << problem.error.to_string();
  EXPECT_EQ(pack.problems[0].error.where().to_string(), temp.directory() + "/actions/a.yaml:4:3");
  EXPECT_THAT(pack.problems[0].error.message(), HasSubstr("'requried' was unexpected"));
  EXPECT_THAT(pack.problems[1].error.message(), HasSubstr("'one' is not of type 'number'"));

  // A secret that is shown because of a mistake, or a value that can be changed: no.
  temp.write("actions/a.yaml", "name: a\nrunner_type: noop\nparameters:\n  p: {secret: \"yes\"}\n");
  temp.write("actions/b.yaml", "name: b\nrunner_type: noop\nparameters:\n  p: {immutable: 1, default: 1}\n");
  temp.write("config.schema.yaml", "token: {secret: \"true\"}\n");
  pack = load_pack(temp.directory(), {});
  EXPECT_TRUE(pack.actions.empty());
  EXPECT_TRUE(pack.config_schema.is_null());
  ASSERT_EQ(pack.problems.size(), 3u);
  for (const LoadProblem& problem : pack.problems) EXPECT_FALSE(problem.is_warning) << problem.error.to_string();
}

TEST_F(Loader, OfAKeyThatIsThereTwiceTheLastOneCounts) {
  TempPack temp;
  temp.write("pack.yaml", "name: temp\ndescription: x\nversion: 0.1.0\nauthor: x\nversion: 0.2.0\n");
  temp.write("rules/r.yaml",
             "name: r\npack: other\ntrigger: {type: t.t, ref: x, pack: y}\naction: {ref: no.such}\n"
             "criteria: {value: {type: gt, pattern: 0.1}}\npack: temp\n");
  temp.write("../configs/temp.yaml", "a: 1\na: 2\n");
  const LoadedPack pack = load_pack(temp.directory(), {temp.root() + "/configs"});
  EXPECT_EQ(pack.pack["version"].string(), "0.2.0");
  ASSERT_EQ(pack.rules.size(), 1u) << "a criterion without the prefix never matches, and is registered";
  EXPECT_EQ(json(pack.config), R"({"a":2})");
  ASSERT_EQ(pack.problems.size(), 3u);
  for (const LoadProblem& problem : pack.problems) EXPECT_TRUE(problem.is_warning) << problem.error.to_string();
  EXPECT_EQ(pack.problems[0].error.where().to_string(), temp.directory() + "/pack.yaml:5:1");
  EXPECT_EQ(pack.problems[1].error.where().to_string(), temp.directory() + "/rules/r.yaml:6:1");
  EXPECT_EQ(pack.problems[2].error.where().to_string(), temp.root() + "/configs/temp.yaml:2:1");
}

TEST_F(Loader, StrangeFilesAreProblemsAndNeverHang) {
  TempPack temp;
  temp.write("actions/fine.yaml", "name: fine\nrunner_type: noop\n");
  fs::create_directories(temp.directory() + "/actions/directory.yaml");
  fs::create_symlink("loop.yaml", temp.directory() + "/actions/loop.yaml");
  fs::create_symlink("nowhere.yaml", temp.directory() + "/actions/dangling.yaml");
  fs::create_directory_symlink("..", temp.directory() + "/actions/up");
  ASSERT_EQ(::mkfifo((temp.directory() + "/actions/pipe.yaml").c_str(), 0600), 0);
  temp.write("actions/.hidden.yaml", "- not read\n");
  temp.write("rules", "a file where a directory belongs");
  const LoadedPack pack = load_pack(temp.directory(), {});
  EXPECT_THAT(names(pack.actions), ElementsAre("fine"));
  std::vector<std::string> files;
  for (const LoadProblem& problem : pack.problems) files.push_back(fs::path(problem.error.where().file).filename());
  EXPECT_THAT(files, ElementsAre("dangling.yaml", "directory.yaml", "loop.yaml", "pipe.yaml", "rules"));
}

TEST_F(Loader, MissingPackIsAProblem) {
  const LoadedPack pack = load_pack("/nonexistent/pack", {});
  ASSERT_EQ(pack.problems.size(), 1u);
  EXPECT_THAT(pack.problems[0].error.to_string(), HasSubstr("/nonexistent/pack/pack.yaml: the file does not exist"));
}

TEST_F(Loader, FindsPacks) {
  TempPack one("one");
  TempPack two("two");
  TempPack other_one("one");
  fs::create_directories(one.root() + "/not_a_pack");
  fs::create_directories(one.root() + "/zero");
  std::ofstream(one.root() + "/zero/pack.yaml") << "x";
  EXPECT_THAT(find_packs({two.directory(), one.root(), other_one.root(), "/nonexistent"}),
              ElementsAre(one.directory(), two.directory(), one.root() + "/zero"));
  EXPECT_THAT(find_packs({other_one.root(), one.directory() + "/"}), ElementsAre(other_one.directory()));
  EXPECT_TRUE(find_packs({}).empty());
}

TEST_F(Loader, ShippedPacksHaveNoProblems) {
  const std::vector<std::string> directories = find_packs({std::string(SQUALL_SOURCE_DIR) + "/packs"});
  EXPECT_FALSE(directories.empty());
  for (const std::string& directory : directories) {
    const LoadedPack pack = load_pack(directory, {});
    EXPECT_FALSE(pack.pack.is_null()) << directory;
    for (const LoadProblem& problem : pack.problems) ADD_FAILURE() << problem.error.to_string();
  }
}

// The pack of the API's transcripts; what a real server answered stands in them.
void expect_recorded(const std::vector<Value>& documents, std::string_view path) {
  const auto text = conformance::read_data("api/transcripts.json");
  ASSERT_TRUE(text.has_value());
  const Value steps = from_json(*text);
  for (const Value& step : steps.as_list()) {
    if (step["request"]["method"].string_or("") != "GET" || step["request"]["path"].string_or("") != path ||
        step["response"]["status"].int_or(0) != 200) {
      continue;
    }
    Value recorded = step["response"]["body"];
    recorded.erase("id");
    const Value ours = named(documents, recorded["name"].string_or(""));
    if (recorded["trigger"].is_dict()) {
      Value trigger = recorded["trigger"];
      trigger.erase("ref");
      recorded.set("trigger", trigger);
    }
    EXPECT_EQ(json(ours), json(recorded));
    return;
  }
  ADD_FAILURE() << "no transcript of " << path;
}

TEST_F(Loader, Conformance) {
  const std::string directory = conformance::folder() + "/api/packs/conf";
  if (!fs::exists(directory + "/pack.yaml")) SQ_NO_CONFORMANCE_DATA("api");
  LoadedPack pack = load_pack(directory, {});
  for (const LoadProblem& problem : pack.problems) ADD_FAILURE() << problem.error.to_string();
  EXPECT_EQ(pack.actions.size(), 18u);
  for (const char* name : {"noop", "types", "py", "script", "wf_seq", "chain_ok", "http", "ask", "shell_cmd"}) {
    expect_recorded(pack.actions, "/v1/actions/conf." + std::string(name));
  }
  expect_recorded(pack.rules, "/v1/rules/conf.hook");
  expect_recorded(pack.policies, "/v1/policies/conf.noop2.concurrency");
  EXPECT_EQ(pack.pack["path"].string(), directory);
  pack.pack.set("path", "{{path}}/packs/conf");
  expect_recorded({pack.pack}, "/v1/packs/conf");
  EXPECT_EQ(pack.sensors.size(), 1u);
  EXPECT_THAT(names(pack.trigger_types), ElementsAre("event", "pevent"));
  EXPECT_EQ(pack.aliases.size(), 2u);
}

}  // namespace
}  // namespace squall::packs

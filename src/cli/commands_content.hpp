// Commands that make, change and remove content through the API from files in StackStorm's formats, and the datastore.
// Each returns its exit code and prints errors itself.
#pragma once

#include <string>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/output.hpp"

namespace squall::cli {

struct ApplyArguments {
  std::vector<std::string> files;  // YAML or JSON, also directories of them; "-" is standard input
  bool dry_run = false;            // say what would happen
};

// Makes what is missing and replaces what differs; nothing is sent for what is as the file says. Which kind a document
// is of is seen from its members, as StackStorm's files do not tell: a rule has `trigger` and `action`, an action
// `runner_type`, a policy `policy_type`, an alias `formats`.
int apply_files(ApiClient& api, const ApplyArguments& arguments);
// What apply would change, member by member; kExitFindings when there is something.
int diff_files(ApiClient& api, const std::vector<std::string>& files);

// One document of the kind from a file.
int create_resource(ApiClient& api, const Format& format, const std::string& kind, const std::string& file);
int update_resource(ApiClient& api, const Format& format, const std::string& kind, const std::string& id,
                    const std::string& file);
int delete_resources(ApiClient& api, const std::string& kind, const std::vector<std::string>& ids, bool dry_run);
int enable_resource(ApiClient& api, const std::string& kind, const std::string& id, bool enabled);

struct KeyArguments {
  std::string name;
  std::string value;  // "-" is standard input, so that a secret need not stand in a process list
  std::string scope = "system";
  bool encrypt = false;
  bool decrypt = false;
  int ttl_seconds = 0;  // 0: for ever
};
int get_key(ApiClient& api, const Format& format, const KeyArguments& arguments);
int set_key(ApiClient& api, const Format& format, const KeyArguments& arguments);
int delete_key(ApiClient& api, const KeyArguments& arguments);

// Answers the question of an inquiry. Answers as name=value.
int respond_inquiry(ApiClient& api, const std::string& id, const std::vector<std::string>& answers);
int execute_alias(ApiClient& api, const Format& format, const std::string& command);

struct RuleTestArguments {
  std::string rule;      // file
  std::string event;     // file with the payload
  std::string expected;  // "match", "nomatch" or empty
};
// Does the rule of a file match an event? Needs no server.
int test_rule(const Format& format, const RuleTestArguments& arguments);

// Looks at the server, its packs, sensors and executions; what is wrong comes with how to mend it. kExitFindings when
// there is something to mend.
int doctor(ApiClient& api, const Format& format, const std::string& version);

}  // namespace squall::cli

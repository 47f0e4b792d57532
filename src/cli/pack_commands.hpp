// `squall pack ...`: packs are found, installed, configured, made and tested.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/output.hpp"

namespace squall::cli {

struct InstallArguments {
  std::vector<std::string> packs;  // names, repositories, archives, directories; each perhaps with "=VERSION"
  bool force = false;
  bool skip_dependencies = false;
};

// Both follow their workflow to its end, task by task. A path that exists here is made absolute, because the server
// looks for it from a directory of its own.
int install_packs(ApiClient& api, const Format& format, const InstallArguments& arguments);
int remove_packs(ApiClient& api, const Format& format, const std::vector<std::string>& packs);

// Of the index.
int search_index(ApiClient& api, const Format& format, const std::string& query);
int show_in_index(ApiClient& api, const Format& format, const std::string& pack);

// Sets values of a pack's config ("name=value", also "name.member=value"); without any it asks for each on the
// terminal.
int configure_pack(ApiClient& api, const Format& format, const std::string& pack,
                   const std::vector<std::string>& values);

// Makes `directory`/`name` with an action, a rule and their tests that run. No server.
int create_pack(const std::string& name, const std::string& directory);

struct TestArguments {
  std::string pack;               // a directory, or a pack that the server knows
  std::vector<std::string> more;  // for unittest: names of tests, -v, ...
  std::string python;             // empty: that of the pack's virtualenv, if the server has one, else python3
};
// Runs the tests of a pack by python/squall_runner/run_tests.py of `share`, in place of this process.
int test_pack(ApiClient& api, const TestArguments& arguments, const std::string& share);

}  // namespace squall::cli

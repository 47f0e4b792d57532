// Settings of `squall serve`: command line over environment over configuration file over defaults.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"

namespace squall::app {

struct Settings {
  std::string data = "./squall-data";   // data directory
  std::vector<std::string> packs;       // pack directories, besides the packs that ship with squall
  std::string configs;                  // directory of pack configs; empty: <data>/configs
  std::string overrides;                // directory of overrides of packs; empty: <data>/overrides
  bool watch = false;                   // register packs again when their files change
  std::vector<std::string> index_urls;  // of packs to install: URLs or files
  std::string address = "127.0.0.1";
  uint16_t port = 9101;
  bool st2_ports = false;  // StackStorm's own ports, too: 9100 (log-in), 9101 (API), 9102 (stream)
  std::string tls_certificate, tls_key;
  std::string auth_htpasswd;        // passwords of users; empty: authentication is off
  std::string rbac;                 // directory with the files of roles; empty: every user may everything
  std::string webhooks;             // file of webhooks that are signed by their senders; empty: none are
  bool rbac_isolation = false;      // executions and rules of others are hidden
  std::string encryption_key_path;  // of encrypted datastore values; empty: one that squall makes in its data directory
  std::string user = "stanley";     // StackStorm's system user
  std::string timezone;             // of timers that name none; empty: the machine's
  int action_slots = 64;            // shell and Python actions at the same time; the rest waits
  std::vector<std::string> runners;          // directories with runners written in Python
  std::string ssh_key_file;                  // of remote actions that name no key; empty: none but those in ~/.ssh
  std::string ssh_config_file;               // empty: ~/.ssh/config
  std::string ssh_host_keys = "accept-new";  // or "strict" or "ignore"
  int ssh_connect_timeout = 30;              // seconds
  bool ssh_allow_partial_failure = false;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// Environment variables are SQUALL_DATA, SQUALL_PACKS (colon list), SQUALL_LISTEN, SQUALL_ST2_PORTS, SQUALL_CONFIG,
// SQUALL_CONFIGS, SQUALL_USER, SQUALL_TIMEZONE, SQUALL_LOG_LEVEL, SQUALL_LOG_FORMAT, SQUALL_TLS_CERTIFICATE,
// SQUALL_TLS_KEY, SQUALL_AUTH_HTPASSWD, SQUALL_RBAC, SQUALL_RBAC_ISOLATION, SQUALL_WEBHOOKS,
// SQUALL_ENCRYPTION_KEY_PATH, SQUALL_OVERRIDES, SQUALL_WATCH and SQUALL_INDEX_URL (comma list); and, without an
// option, SQUALL_ACTION_SLOTS,
// SQUALL_RUNNERS (colon list) and SQUALL_SSH_... The configuration file is YAML with the same names in lower case.
// Errors say which source gave the bad value, with file and line for the file.
Result<Settings> read_settings(const cli::ServeArguments& arguments,
                               const std::function<std::string(const std::string&)>& environment);

// Where packs/ and python/ that ship with squall are: SQUALL_SHARE, beside the binary, or in its installation.
Result<std::string> find_share_directory(const std::function<std::string(const std::string&)>& environment);

}  // namespace squall::app

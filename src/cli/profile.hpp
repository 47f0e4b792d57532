// Where the command line finds its server and who it is there. StackStorm's own settings count, so that whoever has
// `st2` set up needs nothing more.
#pragma once

#include <functional>
#include <string>

#include "base/result.hpp"

namespace squall::cli {

struct Profile {
  std::string url = "http://127.0.0.1:9101";
  std::string auth_url;  // of StackStorm's configuration; empty: the same as `url`
  std::string token;
  std::string api_key;
  std::string user;  // with `password`: for a token of one's own
  std::string password;
  std::string token_cache;  // file with the token of `user`, as st2 keeps it; empty: none
};

using Environment = std::function<std::string(const std::string&)>;

// In this order: SQUALL_URL, SQUALL_TOKEN, SQUALL_API_KEY; ST2_API_URL, ST2_BASE_URL, ST2_AUTH_URL, ST2_AUTH_TOKEN,
// ST2_API_KEY; the file that ST2_CONFIG_FILE names, else ~/.st2/config, with [general] base_url, [api] url, [auth] url
// and [credentials] username, password, api_key, [cli] cache_token. A missing file is no error; a bad line of it is,
// with file and line.
Result<Profile> read_profile(const Environment& environment);

}  // namespace squall::cli

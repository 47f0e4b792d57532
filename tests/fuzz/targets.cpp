#include "targets.hpp"

namespace squall::fuzz {

const std::map<std::string_view, Target>& targets() {
  static const std::map<std::string_view, Target> all = {
      {"json", fuzz_json},         {"yaml", fuzz_yaml},   {"literal", fuzz_literal},   {"date", fuzz_date},
      {"jsonpath", fuzz_jsonpath}, {"regex", fuzz_regex}, {"cron", fuzz_cron},         {"jinja", fuzz_jinja},
      {"yaql", fuzz_yaql},         {"chain", fuzz_chain}, {"workflow", fuzz_workflow}, {"http", fuzz_http},
  };
  return all;
}

}  // namespace squall::fuzz

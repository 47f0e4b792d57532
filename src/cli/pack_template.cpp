// `squall pack create`: a pack that runs and whose tests pass.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/pack_commands.hpp"

namespace squall::cli {
namespace {

namespace fs = std::filesystem;

// NAME stands for the name of the pack.
constexpr std::pair<const char*, const char*> kFiles[] = {
    {"pack.yaml", R"(---
ref: NAME
name: NAME
description: What this pack is for
keywords: []
version: 0.1.0
python_versions: ["3"]
author: Your name
email: you@example.com
)"},
    {"README.md", R"(# NAME

What this pack is for, what it needs (`config.schema.yaml`), what its actions do.

    squall pack test .
    squall pack install .
    squall run NAME.greet who=world
)"},
    {"config.schema.yaml", R"(---
greeting:
  description: What a greeting begins with
  type: string
  default: Hello
)"},
    {"requirements.txt", ""},
    {"actions/greet.yaml", R"(---
name: greet
description: Greets somebody
runner_type: python-script
entry_point: greet.py
enabled: true
parameters:
  who:
    type: string
    description: Whom to greet
    required: true
    position: 0
)"},
    {"actions/greet.py", R"(from st2common.runners.base_action import Action


class GreetAction(Action):
    def run(self, who):
        return "%s, %s" % (self.config.get("greeting", "Hello"), who)
)"},
    {"rules/greet_by_webhook.yaml", R"(---
name: greet_by_webhook
description: 'POST {"who": "..."} to /v1/webhooks/NAME/greet'
enabled: false
trigger:
  type: core.st2.webhook
  parameters:
    url: NAME/greet
criteria:
  trigger.body.who:
    type: exists
    pattern: true
action:
  ref: NAME.greet
  parameters:
    who: "{{ trigger.body.who }}"
)"},
    {"tests/test_action_greet.py", R"(from st2tests.base import BaseActionTestCase

from greet import GreetAction


class GreetActionTestCase(BaseActionTestCase):
    action_cls = GreetAction

    def test_greets_by_the_config(self):
        action = self.get_action_instance(config={"greeting": "Good morning"})
        self.assertEqual(action.run(who="world"), "Good morning, world")
)"},
};

bool is_ref(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

int create_pack(const std::string& name, const std::string& directory) {
  if (!is_ref(name)) {
    return report(Error(ErrorCode::kInvalid, "\"" + name +
                                                 "\" cannot be the name of a pack: it may only have a-z, 0-9 "
                                                 "and _"));
  }
  const fs::path pack = fs::path(directory) / name;
  std::error_code failed;
  if (fs::exists(pack, failed)) return report(Error(ErrorCode::kConflict, pack.string() + " is there already"));
  for (const auto& [file, text] : kFiles) {
    const fs::path path = pack / file;
    fs::create_directories(path.parent_path(), failed);
    if (failed)
      return report(Error(ErrorCode::kIo, path.parent_path().string() + " cannot be made: " + failed.message()));
    if (const Status written = write_file_atomically(path.string(), replace_all(text, "NAME", name)); !written)
      return report(written.error());
  }
  std::printf("%s is made. Next:\n  squall pack test %s\n  squall pack install %s\n", pack.c_str(), pack.c_str(),
              pack.c_str());
  return 0;
}

}  // namespace squall::cli

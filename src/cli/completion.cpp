#include "cli/completion.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/strings.hpp"

namespace squall::cli {
namespace {

struct Word {
  std::string text;
  std::string help;
};

// "rule list" -> what may follow.
using Tree = std::map<std::string, std::vector<Word>>;

void collect(const CLI::App& app, const std::string& path, Tree& tree) {
  std::vector<Word>& words = tree[path];
  for (const CLI::App* sub : app.get_subcommands({})) words.push_back({sub->get_name(), sub->get_description()});
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back({"--" + name, option->get_description()});
    for (const std::string& name : option->get_snames()) words.push_back({"-" + name, option->get_description()});
  }
  for (const CLI::App* sub : app.get_subcommands({})) {
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), tree);
  }
}

std::string joined(const std::vector<Word>& words) {
  std::string text;
  for (const Word& word : words) text += (text.empty() ? "" : " ") + word.text;
  return text;
}

// Words of the line that are commands make the path; options and their values, and names, are passed over.
std::string bash_script(const Tree& tree) {
  std::string script =
      "_squall() {\n"
      "  local path='' word next\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    next=\"${path:+$path }$word\"\n"
      "    case \"$next\" in\n";
  for (const auto& [path, words] : tree) {
    if (!path.empty()) script += fmt::format("      '{}') path=\"$next\" ;;\n", path);
  }
  script +=
      "    esac\n"
      "  done\n"
      "  case \"$path\" in\n";
  for (const auto& [path, words] : tree) script += fmt::format("    '{}') words='{}' ;;\n", path, joined(words));
  return script +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _squall squall\n";
}

std::string fish_script(const Tree& tree) {
  std::string script =
      "function __squall_path\n"
      "  set -l path\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch (string join ' ' $path $word)\n";
  for (const auto& [path, words] : tree) {
    if (!path.empty()) script += fmt::format("      case '{}'; set -a path $word\n", path);
  }
  script +=
      "    end\n"
      "  end\n"
      "  string join ' ' $path\n"
      "end\n";
  for (const auto& [path, words] : tree) {
    for (const Word& word : words) {
      const bool option = word.text.starts_with("-");
      const std::string what = word.text.starts_with("--") ? "-l " + word.text.substr(2)
                               : option                    ? "-s " + word.text.substr(1)
                                                           : "-a " + word.text;
      script += fmt::format("complete -c squall -n 'test \"$(__squall_path)\" = \"{}\"' {}{} -d '{}'\n", path,
                            option ? "" : "-f ", what, replace_all(word.help, "'", "\\'"));
    }
  }
  return script;
}

}  // namespace

Result<std::string> completion_script(const CLI::App& app, std::string_view shell) {
  Tree tree;
  collect(app, "", tree);
  if (shell == "bash") return bash_script(tree);
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(tree);
  if (shell == "fish") return fish_script(tree);
  return fail(ErrorCode::kInvalid, "unknown shell '" + std::string(shell) + "'; there are bash, zsh and fish");
}

}  // namespace squall::cli

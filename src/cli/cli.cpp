#include "cli/cli.hpp"

#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/commands_content.hpp"
#include "cli/completion.hpp"
#include "cli/expr_command.hpp"
#include "cli/kinds.hpp"
#include "cli/pack_commands.hpp"
#include "cli/profile.hpp"
#include "cli/workflow_command.hpp"

namespace squall::cli {
namespace {

// Shared by all client commands.
struct Client {
  std::string url;
  std::string token;
  std::string api_key;
  std::string format = "table";
  std::string fields;
};

// Runs a client command once the command line is parsed.
using Command = std::function<int(ApiClient&, const Format&)>;

struct Cli {
  CLI::App app{
      "squall: event-driven automation. Events come in, rules decide, actions, chains and workflows do the work."};
  Client client;
  ServeArguments serve;
  Command command;
  bool serving = false;
  std::function<int()> local;  // a command that needs no server

  void add_client_options(CLI::App* command_app) {
    command_app->add_option("--url", client.url,
                            "Address of the server (SQUALL_URL, ST2_API_URL, ~/.st2/config; default "
                            "http://127.0.0.1:9101)");
    command_app->add_option("--token", client.token, "Token to come with (SQUALL_TOKEN, ST2_AUTH_TOKEN)");
    command_app->add_option("--api-key", client.api_key, "API key to come with (SQUALL_API_KEY, ST2_API_KEY)");
    add_output_options(command_app);
  }
  void add_output_options(CLI::App* command_app) {
    command_app->add_option("-o,--output", client.format, "table, wide, json, jsonl, yaml, name or csv")
        ->capture_default_str();
    command_app->add_option("--fields", client.fields, "Only these, e.g. id,action.ref");
  }
};

void add_serve(Cli& cli) {
  CLI::App* serve = cli.app.add_subcommand("serve", "Run the server");
  serve->add_option("--data", cli.serve.data, "Data directory (SQUALL_DATA; default ./squall-data)");
  serve->add_option("--packs", cli.serve.packs, "Directory with packs, repeatable (SQUALL_PACKS)");
  serve->add_option("--configs", cli.serve.configs,
                    "Directory with pack configs (SQUALL_CONFIGS; default DATA/configs)");
  serve->add_option("--index-url", cli.serve.index_urls,
                    "Index of packs, a URL or a file, repeatable (SQUALL_INDEX_URL; default StackStorm Exchange)");
  serve->add_option("--overrides", cli.serve.overrides,
                    "Directory with overrides of packs (SQUALL_OVERRIDES; default DATA/overrides)");
  serve->add_flag_callback(
      "--watch", [&cli] { cli.serve.watch = "true"; }, "Register packs again when their files change (SQUALL_WATCH)");
  serve->add_option("--listen", cli.serve.listen, "ADDRESS:PORT of the API (SQUALL_LISTEN; default 127.0.0.1:9101)");
  serve->add_flag("--st2-ports", cli.serve.st2_ports,
                  "Answer on StackStorm's ports 9100, 9101 and 9102, too, so that st2 needs no configuration "
                  "(SQUALL_ST2_PORTS)");
  serve->add_option("--config", cli.serve.config, "YAML file with these settings (SQUALL_CONFIG)");
  serve->add_option("--user", cli.serve.user, "The system user (SQUALL_USER; default stanley)");
  serve->add_option("--timezone", cli.serve.timezone,
                    "Of timers that name none, e.g. Europe/Berlin (SQUALL_TIMEZONE; default the machine's)");
  serve->add_option("--tls-certificate", cli.serve.tls_certificate, "PEM file; with --tls-key the API speaks TLS");
  serve->add_option("--tls-key", cli.serve.tls_key, "PEM file");
  serve->add_option("--auth-htpasswd", cli.serve.auth_htpasswd,
                    "Passwords of users, as htpasswd makes them; turns authentication on (SQUALL_AUTH_HTPASSWD)");
  serve->add_option(
      "--webhooks", cli.serve.webhooks,
      "YAML file of webhooks that are checked by their sender's signature: github, gitlab, slack, stripe, "
      "standard (SQUALL_WEBHOOKS)");
  serve->add_option("--rbac", cli.serve.rbac,
                    "Directory with roles/, assignments/ and mappings/, as StackStorm has them; without it every user "
                    "may everything (SQUALL_RBAC)");
  serve->add_option("--rbac-isolation", cli.serve.rbac_isolation,
                    "true: executions and rules of others are hidden from users that are no administrators "
                    "(SQUALL_RBAC_ISOLATION)");
  serve->add_option(
      "--encryption-key-path", cli.serve.encryption_key_path,
      "Key file of encrypted datastore values, StackStorm's own for instance (SQUALL_ENCRYPTION_KEY_PATH; "
      "default DATA/datastore_key.json)");
  serve->add_option("--log-level", cli.serve.log_level, "debug, info, warning or error (SQUALL_LOG_LEVEL)");
  serve->add_option("--log-format", cli.serve.log_format, "text or json (SQUALL_LOG_FORMAT)");
  serve->callback([&cli] { cli.serving = true; });
}

// A command with the name of one thing.
void add_on_one(Cli& cli, CLI::App* group, const std::string& name, const std::string& description,
                const std::string& id_help, std::function<int(ApiClient&, const Format&, const std::string&)> act) {
  CLI::App* command = group->add_subcommand(name, description);
  auto id = std::make_shared<std::string>();
  command->add_option("id", *id, id_help)->required();
  cli.add_client_options(command);
  command->callback([&cli, id, act = std::move(act)] {
    cli.command = [id, act](ApiClient& api, const Format& format) { return act(api, format, *id); };
  });
}

// `KIND create|update|delete|enable|disable`.
void add_changes(Cli& cli, CLI::App* group, const std::string& kind) {
  add_on_one(cli, group, "create", "Make one from a file", "YAML or JSON file; - is standard input",
             [kind](ApiClient& api, const Format& format, const std::string& file) {
               return create_resource(api, format, kind, file);
             });
  CLI::App* update = group->add_subcommand("update", "Replace one with what a file says");
  auto names = std::make_shared<std::pair<std::string, std::string>>();
  update->add_option("id", names->first, "Its ref or id")->required();
  update->add_option("file", names->second, "YAML or JSON file; - is standard input")->required();
  cli.add_client_options(update);
  update->callback([&cli, kind, names] {
    cli.command = [=](ApiClient& api, const Format& format) {
      return update_resource(api, format, kind, names->first, names->second);
    };
  });
  CLI::App* remove = group->add_subcommand("delete", "Remove some");
  auto ids = std::make_shared<std::vector<std::string>>();
  auto dry_run = std::make_shared<bool>(false);
  remove->add_option("ids", *ids, "Their refs or ids")->required();
  remove->add_flag("--dry-run", *dry_run, "Say what would be removed");
  cli.add_client_options(remove);
  remove->callback([&cli, kind, ids, dry_run] {
    cli.command = [=](ApiClient& api, const Format&) { return delete_resources(api, kind, *ids, *dry_run); };
  });
  for (const bool enabled : {true, false}) {
    add_on_one(cli, group, enabled ? "enable" : "disable", enabled ? "Let it act" : "Let it rest", "Its ref or id",
               [kind, enabled](ApiClient& api, const Format&, const std::string& id) {
                 return enable_resource(api, kind, id, enabled);
               });
  }
}

// `KIND list` and `KIND get ID`.
CLI::App* add_kind(Cli& cli, const std::string& kind, const std::string& description,
                   const std::vector<std::string>& filters) {
  CLI::App* group = cli.app.add_subcommand(kind, description);
  group->require_subcommand(1);
  CLI::App* list = group->add_subcommand("list", "List them");
  auto arguments = std::make_shared<ListArguments>();
  list->add_option("-n,--last", arguments->limit, "How many; -1 for all")->capture_default_str();
  for (const std::string& filter : filters) {
    list->add_option_function<std::string>(
        "--" + filter,
        [arguments, filter](const std::string& value) {
          std::string name = filter;
          for (char& c : name) c = c == '-' ? '_' : c;
          arguments->filters.emplace_back(name, value);
        },
        "Only those with this " + filter);
  }
  cli.add_client_options(list);
  const bool executions = kind == "execution";
  auto all = std::make_shared<bool>(false);
  if (executions) list->add_flag("--all", *all, "Tasks of chains too");
  list->callback([&cli, kind, arguments, executions, all] {
    cli.command = [=](ApiClient& api, const Format& format) {
      if (!executions) return list_resources(api, format, kind, *arguments);
      ListArguments with_parent = *arguments;
      if (!*all) with_parent.filters.emplace_back("parent", "null");
      return list_executions(api, format, with_parent);
    };
  });
  CLI::App* get = group->add_subcommand("get", "Show one");
  auto id = std::make_shared<std::string>();
  get->add_option("id", *id, executions ? "Its id, or `last`" : "Its ref or id")->required();
  cli.add_client_options(get);
  get->callback([&cli, kind, id, executions] {
    cli.command = [=](ApiClient& api, const Format& format) {
      return executions ? get_execution(api, format, *id) : get_resource(api, format, kind, *id);
    };
  });
  if (!executions && kind_of(kind).changeable) add_changes(cli, group, kind);
  return group;
}

constexpr const char* kExecutionId = "Its id, or `last`";

int tail(ApiClient& api, const Format&, const std::string& id) { return tail_execution(api, id); }
int logs(ApiClient& api, const Format&, const std::string& id) { return print_logs(api, id); }

void add_rerun(Cli& cli, CLI::App* group) {
  CLI::App* command = group->add_subcommand("re-run", "Run one again, or some tasks of a workflow");
  auto arguments = std::make_shared<RerunArguments>();
  command->add_option("id", arguments->id, kExecutionId)->required();
  command->add_option("parameters", arguments->parameters, "name=value, instead of those of the first run");
  command->add_option("--tasks", arguments->tasks, "Tasks of a workflow to run again, and what follows from them")
      ->delimiter(',');
  command->add_option("--no-reset", arguments->no_reset, "Tasks with items that keep the items that succeeded")
      ->delimiter(',');
  cli.add_client_options(command);
  command->callback([&cli, arguments] {
    cli.command = [arguments](ApiClient& api, const Format& format) {
      return rerun_execution(api, format, *arguments);
    };
  });
}

void add_executions(Cli& cli) {
  CLI::App* group = add_kind(cli, "execution", "Executions of actions",
                             {"action", "status", "rule", "trigger-instance", "timestamp-gt", "timestamp-lt"});
  add_on_one(cli, group, "tail", "Follow one to its end", kExecutionId, tail);
  add_on_one(cli, group, "logs", "What it has written", kExecutionId, logs);
  add_on_one(cli, group, "cancel", "Stop one", kExecutionId,
             [](ApiClient& api, const Format&, const std::string& id) { return cancel_execution(api, id); });
  add_on_one(cli, group, "pause", "Pause a workflow after its current tasks", kExecutionId,
             [](ApiClient& api, const Format&, const std::string& id) { return change_execution(api, id, "pausing"); });
  add_on_one(
      cli, group, "resume", "Go on with a paused workflow", kExecutionId,
      [](ApiClient& api, const Format&, const std::string& id) { return change_execution(api, id, "resuming"); });
  add_rerun(cli, group);
  // The two that are typed most.
  add_on_one(cli, &cli.app, "logs", "What an execution has written", kExecutionId, logs);
  add_on_one(cli, &cli.app, "tail", "Follow an execution to its end", kExecutionId, tail);
}

void add_sensors(Cli& cli) {
  CLI::App* group = add_kind(cli, "sensor", "Sensors and what they do", {"pack"});
  for (const bool enabled : {true, false}) {
    CLI::App* command =
        group->add_subcommand(enabled ? "enable" : "disable", enabled ? "Start one" : "Stop one, until it is enabled");
    auto id = std::make_shared<std::string>();
    command->add_option("id", *id, "Its ref or id")->required();
    cli.add_client_options(command);
    command->callback([&cli, id, enabled] {
      cli.command = [id, enabled](ApiClient& api, const Format&) { return enable_sensor(api, *id, enabled); };
    });
  }
}

void add_run(Cli& cli) {
  CLI::App* run = cli.app.add_subcommand("run", "Run an action and wait for its result");
  auto arguments = std::make_shared<RunArguments>();
  auto async = std::make_shared<bool>(false);
  run->add_option("action", arguments->action, "Ref of the action, e.g. core.local")->required();
  run->add_option("parameters", arguments->parameters, "name=value");
  run->add_flag("-a,--async", *async, "Print the execution's id and do not wait");
  cli.add_client_options(run);
  run->callback([&cli, arguments, async] {
    arguments->wait = !*async;
    cli.command = [arguments](ApiClient& api, const Format& format) { return run_action(api, format, *arguments); };
  });
}

void add_pack_index(Cli& cli, CLI::App* group) {
  const auto add = [&](const char* name, const char* description, const char* what,
                       int (*act)(ApiClient&, const Format&, const std::string&)) {
    CLI::App* command = group->add_subcommand(name, description);
    auto text = std::make_shared<std::string>();
    command->add_option(what, *text)->required();
    cli.add_client_options(command);
    command->callback([&cli, text, act] {
      cli.command = [text, act](ApiClient& api, const Format& format) { return act(api, format, *text); };
    });
  };
  add("search", "Find packs in the index", "query", search_index);
  add("show", "What the index says of a pack", "pack", show_in_index);
}

void add_pack_changes(Cli& cli, CLI::App* group) {
  CLI::App* install = group->add_subcommand("install", "Install packs and what they depend on");
  auto arguments = std::make_shared<InstallArguments>();
  install
      ->add_option("packs", arguments->packs, "Names in the index, git repositories, archives or directories; =VERSION")
      ->required();
  install->add_flag("--force", arguments->force, "Even if a pack asks for another version of StackStorm or Python");
  install->add_flag("--skip-dependencies", arguments->skip_dependencies, "Without the packs that they depend on");
  cli.add_client_options(install);
  install->callback([&cli, arguments] {
    cli.command = [arguments](ApiClient& api, const Format& format) { return install_packs(api, format, *arguments); };
  });
  const auto add = [&](const char* name, const char* description,
                       int (*act)(ApiClient&, const Format&, const std::vector<std::string>&), bool required) {
    CLI::App* command = group->add_subcommand(name, description);
    auto names = std::make_shared<std::vector<std::string>>();
    CLI::Option* option = command->add_option("packs", *names, required ? "Names" : "Names; all when none is given");
    if (required) option->required();
    cli.add_client_options(command);
    command->callback([&cli, names, act] {
      cli.command = [names, act](ApiClient& api, const Format& format) { return act(api, format, *names); };
    });
  };
  add("remove", "Remove packs", remove_packs, true);
  add("register", "Load packs again from their directories", register_packs, false);
  CLI::App* config = group->add_subcommand("config", "Set values of a pack's config; asks for them when none is given");
  auto pack = std::make_shared<std::string>();
  auto values = std::make_shared<std::vector<std::string>>();
  config->add_option("pack", *pack)->required();
  config->add_option("values", *values, "name=value, also name.member=value");
  cli.add_client_options(config);
  config->callback([&cli, pack, values] {
    cli.command = [pack, values](ApiClient& api, const Format& format) {
      return configure_pack(api, format, *pack, *values);
    };
  });
}

void add_pack_development(Cli& cli, CLI::App* group, const Hooks& hooks) {
  CLI::App* create = group->add_subcommand("create", "Make a new pack with an action, a rule and a test");
  auto name = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>(".");
  create->add_option("name", *name, "a-z, 0-9 and _")->required();
  create->add_option("--directory", *directory, "Where to make it")->capture_default_str();
  create->callback(
      [&cli, name, directory] { cli.local = [name, directory] { return create_pack(*name, *directory); }; });
  CLI::App* test = group->add_subcommand("test", "Run the tests of a pack");
  auto arguments = std::make_shared<TestArguments>();
  test->add_option("pack", arguments->pack, "Its directory, or its name on the server")->required();
  test->add_option("tests", arguments->more, "For unittest, e.g. test_action_greet or, after --, -v");
  test->add_option("--python", arguments->python, "Interpreter; default that of the pack's virtualenv, else python3");
  cli.add_client_options(test);
  test->callback([&cli, arguments, &hooks] {
    cli.command = [arguments, &hooks](ApiClient& api, const Format&) {
      const auto share = hooks.share_directory();
      return share ? test_pack(api, *arguments, *share) : report(share.error());
    };
  });
}

void add_explain(Cli& cli) {
  CLI::App* explain = cli.app.add_subcommand("explain", "Why did a rule fire, or not?");
  explain->require_subcommand(1);
  CLI::App* instance =
      explain->add_subcommand("trigger-instance", "Every rule against this event, criterion by criterion");
  auto id = std::make_shared<std::string>();
  instance->add_option("id", *id, "Id of the trigger instance")->required();
  cli.add_client_options(instance);
  instance->callback([&cli, id] {
    cli.command = [id](ApiClient& api, const Format& format) { return explain_trigger_instance(api, format, *id); };
  });
}

void add_expr(Cli& cli) {
  CLI::App* command = cli.app.add_subcommand("expr", "Evaluate an expression as a pack would");
  auto arguments = std::make_shared<ExprArguments>();
  command->add_option("text", arguments->text, "'{{ Jinja }}' or '<% YAQL %>'; - reads it from standard input");
  command->add_option("-c,--context", arguments->context,
                      "YAML or JSON file with the names that it sees; - is standard input");
  command->add_option("--env", arguments->environment,
                      "stackstorm, orquesta or mistral (default: stackstorm, orquesta for YAQL)");
  command->add_flag("--batch", arguments->batch, "Read cases as lines of JSON, answer in lines of JSON");
  command->callback([&cli, arguments] { cli.local = [arguments] { return evaluate_expression(*arguments); }; });
}

void add_workflow(Cli& cli) {
  CLI::App* group = cli.app.add_subcommand("workflow", "Workflow documents, without a server");
  group->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& description, int (*act)(const WorkflowArguments&)) {
    CLI::App* command = group->add_subcommand(name, description);
    auto arguments = std::make_shared<WorkflowArguments>();
    command->add_option("file", arguments->file, "The document; - is standard input")->required();
    command->callback([&cli, arguments, act] { cli.local = [arguments, act] { return act(*arguments); }; });
    return std::pair(command, arguments);
  };
  const auto [play, played] = add("run", "Play one with scripted actions", run_workflow);
  play->add_option("-i,--input", played->inputs, "name=value, repeatable");
  play->add_option("--results", played->results, "YAML or JSON file with what the actions return");
  play->add_option("--order", played->order, "Which action ends next: fifo, lifo or random")->capture_default_str();
  play->add_option("--seed", played->seed, "Of --order random and of random()");
  play->add_option("-o,--output", played->format, "text or json")->capture_default_str();
  const auto [inspect, inspected] = add("inspect", "Find mistakes without running it", inspect_workflow);
  inspect->add_option("-o,--output", inspected->format, "text or json")->capture_default_str();
  const auto [draw, drawn] = add("graph", "Draw it", draw_workflow);
  draw->add_option("--format", drawn->format, "text or svg")->capture_default_str();
}

void add_keys(Cli& cli) {
  CLI::App* group = cli.app.add_subcommand("key", "Values of the datastore");
  group->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& description, bool named,
                       int (*act)(ApiClient&, const Format&, const KeyArguments&)) {
    CLI::App* command = group->add_subcommand(name, description);
    auto arguments = std::make_shared<KeyArguments>();
    if (named) command->add_option("name", arguments->name, "Its name")->required();
    command->add_option("--scope", arguments->scope, "system or user")->capture_default_str();
    cli.add_client_options(command);
    command->callback([&cli, arguments, act] {
      cli.command = [=](ApiClient& api, const Format& format) { return act(api, format, *arguments); };
    });
    return std::pair(command, arguments);
  };
  add("list", "List them", false, [](ApiClient& api, const Format& format, const KeyArguments& arguments) {
    return list_resources(api, format, "key", {.limit = 100, .filters = {{"scope", arguments.scope}}});
  });
  const auto [get, got] = add("get", "Show one", true, get_key);
  get->add_flag("--decrypt", got->decrypt, "In clear text, if you may");
  const auto [set, given] = add("set", "Set one", true, set_key);
  set->add_option("value", given->value, "Its value; - is standard input")->required();
  set->add_flag("--encrypt", given->encrypt, "Keep it encrypted");
  set->add_option("--ttl", given->ttl_seconds, "Seconds until it is gone");
  add("delete", "Remove one", true,
      [](ApiClient& api, const Format&, const KeyArguments& arguments) { return delete_key(api, arguments); });
}

void add_apply(Cli& cli) {
  CLI::App* apply = cli.app.add_subcommand("apply", "Make or change rules, actions, policies and aliases as files say");
  auto arguments = std::make_shared<ApplyArguments>();
  apply->add_option("-f,--file", arguments->files, "YAML or JSON, a directory of such files, or -")->required();
  apply->add_flag("--dry-run", arguments->dry_run, "Say what would happen");
  cli.add_client_options(apply);
  apply->callback(
      [&cli, arguments] { cli.command = [=](ApiClient& api, const Format&) { return apply_files(api, *arguments); }; });
  CLI::App* diff = cli.app.add_subcommand("diff", "What `apply` would change; ends with 9 when there is something");
  auto files = std::make_shared<std::vector<std::string>>();
  diff->add_option("-f,--file", *files, "YAML or JSON, a directory of such files, or -")->required();
  cli.add_client_options(diff);
  diff->callback(
      [&cli, files] { cli.command = [=](ApiClient& api, const Format&) { return diff_files(api, *files); }; });
}

void add_answers(Cli& cli) {
  CLI::App* group = add_kind(cli, "inquiry", "Questions that wait for an answer", {});
  CLI::App* respond = group->add_subcommand("respond", "Answer one");
  auto id = std::make_shared<std::string>();
  auto answers = std::make_shared<std::vector<std::string>>();
  respond->add_option("id", *id, "Its id")->required();
  respond->add_option("answers", *answers, "name=value");
  cli.add_client_options(respond);
  respond->callback([&cli, id, answers] {
    cli.command = [=](ApiClient& api, const Format&) { return respond_inquiry(api, *id, *answers); };
  });
  CLI::App* aliases = add_kind(cli, "action-alias", "What can be said in a chat", {"pack"});
  add_on_one(cli, aliases, "execute", "Run the action that a command of a chat means", "The command, in quotes",
             [](ApiClient& api, const Format& format, const std::string& command) {
               return execute_alias(api, format, command);
             });
}

void add_test(Cli& cli) {
  CLI::App* test = cli.app.add_subcommand("test", "Try content without a server");
  test->require_subcommand(1);
  CLI::App* rule = test->add_subcommand("rule", "Does a rule match an event? Ends with 1 when it is not as expected");
  auto arguments = std::make_shared<RuleTestArguments>();
  rule->add_option("rule", arguments->rule, "File of the rule")->required();
  rule->add_option("--event", arguments->event, "File with the event's payload; - is standard input")->required();
  rule->add_option("--expect", arguments->expected, "match or nomatch")
      ->check(CLI::IsMember({"match", "nomatch"}))
      ->default_str("match");
  cli.add_output_options(rule);
  rule->callback([&cli, arguments] {
    cli.local = [&cli, arguments] {
      const auto format = parse_format(cli.client.format, cli.client.fields);
      return format ? test_rule(*format, *arguments) : (report(format.error()), kExitUsage);
    };
  });
}

void add_doctor(Cli& cli, const std::string& version) {
  CLI::App* command = cli.app.add_subcommand("doctor", "Is all well? What is not comes with how to mend it");
  cli.add_client_options(command);
  command->callback([&cli, version] {
    cli.command = [version](ApiClient& api, const Format& format) { return doctor(api, format, version); };
  });
}

void add_completion(Cli& cli) {
  CLI::App* command = cli.app.add_subcommand("completion", "A script that completes commands in a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish: `source <(squall completion bash)`")->required();
  command->callback([&cli, shell] {
    cli.local = [&cli, shell] {
      const auto script = completion_script(cli.app, *shell);
      if (!script) return report(script.error()), kExitUsage;
      std::fwrite(script->data(), 1, script->size(), stdout);
      return 0;
    };
  });
}

}  // namespace

int run(int argc, char** argv, const Hooks& hooks) {
  Cli cli;
  cli.app.set_version_flag("--version", "squall " + hooks.version);
  cli.app.require_subcommand(1);
  add_serve(cli);
  add_run(cli);
  add_executions(cli);
  add_kind(cli, "action", "Actions", {"pack"});
  add_kind(cli, "rule", "Rules", {"pack", "trigger", "action", "enabled"});
  add_kind(cli, "trigger", "Triggers", {"type", "pack"});
  add_kind(cli, "trigger-type", "Trigger types", {"pack"});
  add_kind(cli, "trigger-instance", "Events that came in", {"trigger", "status", "timestamp-gt", "timestamp-lt"});
  add_kind(cli, "rule-enforcement", "Rules that matched", {"rule-ref", "trigger-instance", "execution", "status"});
  add_sensors(cli);
  add_kind(cli, "runner", "Runner types", {});
  CLI::App* packs = add_kind(cli, "pack", "Packs", {});
  add_pack_index(cli, packs);
  add_pack_changes(cli, packs);
  add_pack_development(cli, packs, hooks);
  add_explain(cli);
  add_kind(cli, "policy", "Policies", {"resource-ref", "policy-type"});
  add_answers(cli);
  add_kind(cli, "trace", "What came of what", {"trace-tag", "execution", "rule", "trigger-instance"});
  add_kind(cli, "timer", "Timers", {});
  add_kind(cli, "webhook", "Webhooks", {});
  add_kind(cli, "apikey", "API keys", {"user"});
  add_keys(cli);
  add_apply(cli);
  add_test(cli);
  add_doctor(cli, hooks.version);
  add_completion(cli);
  add_expr(cli);
  add_workflow(cli);
  try {
    cli.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = cli.app.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }
  if (cli.serving) return hooks.serve(cli.serve);
  if (cli.local) return cli.local();
  const auto format = parse_format(cli.client.format, cli.client.fields);
  if (!format) return report(format.error()), kExitUsage;
  auto profile = read_profile(hooks.environment);
  if (!profile) return report(profile.error()), kExitUsage;
  if (!cli.client.url.empty()) {
    profile->url = cli.client.url;
    profile->auth_url.clear();
  }
  while (profile->url.ends_with("/")) profile->url.pop_back();
  if (!cli.client.token.empty()) profile->token = cli.client.token;
  if (!cli.client.api_key.empty()) {
    profile->api_key = cli.client.api_key;
    if (cli.client.token.empty()) profile->token.clear();
  }
  ApiClient api(std::move(*profile));
  return cli.command(api, *format);
}

}  // namespace squall::cli

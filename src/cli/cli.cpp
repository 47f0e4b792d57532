#include "cli/cli.hpp"

#include <CLI/CLI.hpp>

#include <memory>

#include "cli/commands.hpp"
#include "cli/expr_command.hpp"
#include "cli/workflow_command.hpp"

namespace squall::cli {
namespace {

// Shared by all client commands.
struct Client {
  std::string url;
  std::string format = "table";
};

// Runs a client command once the command line is parsed.
using Command = std::function<int(ApiClient&, Format)>;

struct Cli {
  CLI::App app{
      "squall: event-driven automation. Events come in, rules decide, actions, chains and workflows do the work."};
  Client client;
  ServeArguments serve;
  Command command;
  bool serving = false;
  std::function<int()> local;  // a command that needs no server

  void add_client_options(CLI::App* command_app) {
    command_app->add_option("--url", client.url, "Address of the server (SQUALL_URL)")->capture_default_str();
    command_app->add_option("-o,--output", client.format, "table, json or yaml")->capture_default_str();
  }
};

void add_serve(Cli& cli) {
  CLI::App* serve = cli.app.add_subcommand("serve", "Run the server");
  serve->add_option("--data", cli.serve.data, "Data directory (SQUALL_DATA; default ./squall-data)");
  serve->add_option("--packs", cli.serve.packs, "Directory with packs, repeatable (SQUALL_PACKS)");
  serve->add_option("--configs", cli.serve.configs,
                    "Directory with pack configs (SQUALL_CONFIGS; default DATA/configs)");
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
    cli.command = [=](ApiClient& api, Format format) {
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
    cli.command = [=](ApiClient& api, Format format) {
      return executions ? get_execution(api, format, *id) : get_resource(api, format, kind, *id);
    };
  });
  return group;
}

void add_on_execution(Cli& cli, CLI::App* group, const std::string& name, const std::string& description,
                      std::function<int(ApiClient&, const std::string&)> act) {
  CLI::App* command = group->add_subcommand(name, description);
  auto id = std::make_shared<std::string>();
  command->add_option("id", *id, "Its id, or `last`")->required();
  cli.add_client_options(command);
  command->callback(
      [&cli, id, act = std::move(act)] { cli.command = [id, act](ApiClient& api, Format) { return act(api, *id); }; });
}

void add_executions(Cli& cli) {
  CLI::App* group = add_kind(cli, "execution", "Executions of actions",
                             {"action", "status", "rule", "trigger-instance", "timestamp-gt", "timestamp-lt"});
  add_on_execution(cli, group, "tail", "Follow one to its end", tail_execution);
  add_on_execution(cli, group, "cancel", "Stop one", cancel_execution);
  add_on_execution(cli, group, "pause", "Pause a chain after its current task",
                   [](ApiClient& api, const std::string& id) { return change_execution(api, id, "pausing"); });
  add_on_execution(cli, group, "resume", "Go on with a paused chain",
                   [](ApiClient& api, const std::string& id) { return change_execution(api, id, "resuming"); });
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
      cli.command = [id, enabled](ApiClient& api, Format) { return enable_sensor(api, *id, enabled); };
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
    cli.command = [arguments](ApiClient& api, Format format) { return run_action(api, format, *arguments); };
  });
}

void add_pack_register(Cli& cli, CLI::App* group) {
  CLI::App* command = group->add_subcommand("register", "Load packs again from their directories");
  auto names = std::make_shared<std::vector<std::string>>();
  command->add_option("packs", *names, "Names; all when none is given");
  cli.add_client_options(command);
  command->callback([&cli, names] {
    cli.command = [names](ApiClient& api, Format format) { return register_packs(api, format, *names); };
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
    cli.command = [id](ApiClient& api, Format format) { return explain_trigger_instance(api, format, *id); };
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

}  // namespace

int run(int argc, char** argv, const Hooks& hooks) {
  Cli cli;
  const std::string url = hooks.environment("SQUALL_URL");
  cli.client.url = url.empty() ? "http://127.0.0.1:9101" : url;
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
  add_pack_register(cli, add_kind(cli, "pack", "Packs", {}));
  add_explain(cli);
  add_expr(cli);
  add_workflow(cli);
  try {
    cli.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = cli.app.exit(error);
    return code == 0 ? 0 : 2;
  }
  if (cli.serving) return hooks.serve(cli.serve);
  if (cli.local) return cli.local();
  const auto format = parse_format(cli.client.format);
  if (!format) {
    report(format.error());
    return 2;
  }
  while (cli.client.url.ends_with("/")) cli.client.url.pop_back();
  ApiClient api(cli.client.url);
  return cli.command(api, *format);
}

}  // namespace squall::cli

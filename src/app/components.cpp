#include "app/components.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "clients/aws/credential_process.hpp"
#include "clients/kubernetes/clients.hpp"
#include "clients/kubernetes/exec_plugin.hpp"
#include "engine/engine.hpp"
#include "net/http_client.hpp"
#include "packs/loader.hpp"
#include "packs/runner_types.hpp"
#include "process/environment.hpp"
#include "process/process.hpp"
#include "runners/announcement.hpp"
#include "runners/database/actions.hpp"
#include "runners/fork_server.hpp"
#include "runners/hosted.hpp"
#include "runners/http.hpp"
#include "runners/inquirer.hpp"
#include "runners/local.hpp"
#include "runners/native.hpp"
#include "runners/native_aws.hpp"
#include "runners/native_consul.hpp"
#include "runners/native_kubernetes.hpp"
#include "runners/native_packs.hpp"
#include "runners/native_vault.hpp"
#include "runners/noop.hpp"
#include "runners/python.hpp"
#include "runners/virtualenv.hpp"
#include "sensors/kubernetes_sensor.hpp"
#include "sensors/python_sensors.hpp"
#include "sensors/third_party_sensor.hpp"
#include "sensors/timer_sensor.hpp"
#include "text/regex.hpp"
#include "value/json.hpp"
#include "value/schema.hpp"

namespace squall::app {
namespace {

// `pattern` in schemas: JSON Schema's are searched, not anchored. A pattern that is none matches nothing.
bool schema_pattern_matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern);
  if (!regex) return false;
  const auto found = regex->search(text);
  return found && found->has_value();
}

// What native actions may ask of the engine.
runners::ExecutionControl execution_control(engine::Engine& engine) {
  runners::ExecutionControl control;
  control.live = [&engine](std::string_view id) { return engine.executions().live(id); };
  control.find_live = [&engine](const auto& predicate) { return engine.executions().find_live(predicate); };
  control.at_work = [&engine](std::string_view id) { return engine.executions().at_work(id); };
  control.cancel = [&engine](const std::string& id, const std::string& user) {
    engine.cancel(id, user, [id](const Result<Value>& canceled) {
      if (!canceled)
        log_warning("an execution could not be stopped", {{"execution", id}, {"error", canceled.error().to_string()}});
    });
  };
  control.start = [&engine](const std::string& action, const Value& parameters, const Value& context, Duration delay,
                            const std::function<void(const std::string&)>& done) {
    engine::ExecutionRequest request;
    request.action = action;
    request.parameters = parameters;
    request.render = false;
    request.context = context;
    request.delay_ms = std::chrono::duration_cast<std::chrono::milliseconds>(delay).count();
    engine.run_action(std::move(request), [action, done](const Result<Value>& started) {
      if (!started)
        log_error("an action could not be started", {{"action", action}, {"error", started.error().to_string()}});
      if (done) done(started ? (*started)["id"].string() : std::string());
    });
  };
  return control;
}

// Files in the home directory of squall's own user, as ssh itself finds them.
runners::RemoteOptions remote_options(const ComponentOptions& options) {
  runners::RemoteOptions remote = options.remote;
  const std::string home = options.environment("HOME");
  remote.ssh.user = options.user;
  remote.ssh.directory = (home.empty() ? options.data : home) + "/.ssh";
  if (remote.ssh.config_file.empty()) remote.ssh.config_file = remote.ssh.directory + "/config";
  return remote;
}

// What the actions of the pack `packs` may ask of the engine.
runners::PackControl pack_control(engine::Engine& engine) {
  runners::PackControl control;
  const std::vector<std::string> directories = engine.options().pack_directories;
  control.find = [directories](const std::string& ref) {
    for (const std::string& directory : packs::find_packs(directories)) {
      if (packs::pack_ref_of(directory) == ref) return directory;
    }
    return std::string();
  };
  control.is_given = [directories](const std::string& directory) {
    return std::find(directories.begin(), directories.end(), directory) != directories.end();
  };
  control.unregister = [&engine](const std::vector<std::string>& refs) {
    engine.unregister_packs(refs, [](const Result<Value>& removed) {
      for (const auto& [pack, counts] : removed ? removed->as_dict() : Dict())
        log_info("a pack is not registered any more", {{"pack", pack}, {"removed", to_json(counts)}});
    });
  };
  control.follow = [&engine](const std::vector<std::string>& refs) {
    engine.follow_packs(refs, [](const Result<engine::RegisterReport>& report) {
      if (!report) log_warning("packs could not be registered again", {{"reason", report.error().message()}});
    });
  };
  return control;
}

}  // namespace

struct Components::Parts {
  Parts(ComponentOptions given, net::EventLoop& event_loop)
      : options(std::move(given)),
        loop(event_loop),
        processes(event_loop),
        kubernetes(http, {kubernetes::make_plugin_runner(processes), options.environment}),
        services{http},
        pack_index(http, loop, options.index_urls) {}

  ComponentOptions options;
  net::EventLoop& loop;
  net::HttpClient http;
  process::ProcessHost processes;
  kubernetes::KubernetesClients kubernetes;
  runners::NativeRegistry natives;
  runners::NativeServices services;
  packs::PackIndex pack_index;
  std::unique_ptr<runners::Virtualenvs> virtualenvs;
  std::unique_ptr<runners::ForkServers> fork_servers;
  runners::RunnerRegistry registry;
  engine::Engine* engine = nullptr;  // since attach()
};

// Runners in Python: the Windows ones, and those of the site.
void Components::add_hosted_runners(Parts& parts) {
  const runners::HostedOptions options{parts.options.share + "/python/squall_runner", process::inherited_environment()};
  const auto add = [&](const runners::HostedRunnerType& type) {
    if (parts.registry.find(type.name) == nullptr)
      parts.registry.add(type.name,
                         runners::make_hosted_runner(parts.loop, parts.processes, *parts.virtualenvs, type, options));
  };
  for (const auto& type : runners::winrm_runner_types(parts.options.share + "/python/runners")) add(type);
  const runners::HostedRunnerTypes own = runners::find_hosted_runners(parts.options.runner_directories);
  for (size_t i = 0; i < own.types.size(); ++i)
    if (packs::add_runner_type(own.documents[i])) add(own.types[i]);
}

Components::Components(ComponentOptions options, net::EventLoop& loop)
    : parts_(std::make_unique<Parts>(std::move(options), loop)) {
  Parts& parts = *parts_;
  schema::set_pattern_matcher(schema_pattern_matches);
  parts.services.environment = parts.options.environment;
  parts.services.run_program = clients::make_program_runner(parts.processes);
  const process::Environment environment = process::inherited_environment();

  runners::VirtualenvOptions virtualenvs;
  virtualenvs.directory = parts.options.data + "/virtualenvs";
  virtualenvs.environment = environment;
  parts.virtualenvs = std::make_unique<runners::Virtualenvs>(loop, parts.processes, virtualenvs);

  runners::ForkServerOptions fork_servers;
  fork_servers.directory = parts.options.data + "/run";
  fork_servers.runtime_directory = parts.options.share + "/python/squall_runner";
  fork_servers.environment = environment;
  parts.fork_servers = std::make_unique<runners::ForkServers>(loop, parts.processes, fork_servers);

  runners::add_aws_actions(parts.natives);
  runners::add_consul_actions(parts.natives);
  runners::add_vault_actions(parts.natives);
  runners::add_database_actions(parts.natives, parts.kubernetes);
  runners::add_kubernetes_actions(parts.natives, parts.kubernetes);

  // Commands run as squall's own user: switching to another one needs sudo rules that a fresh machine does not have.
  const runners::LocalOptions local{environment, ""};
  parts.registry.add("inquirer", runners::make_inquirer_runner(loop));
  parts.registry.add("noop", runners::make_noop_runner(loop));
  parts.registry.add("local-shell-cmd", runners::make_local_shell_runner(loop, parts.processes, local));
  parts.registry.add("local-shell-script", runners::make_local_script_runner(loop, parts.processes, local));
  const runners::RemoteOptions remote = remote_options(parts.options);
  parts.registry.add("remote-shell-cmd", runners::make_remote_shell_runner(loop, remote));
  parts.registry.add("remote-shell-script", runners::make_remote_script_runner(loop, remote));
  parts.registry.add("http-request", runners::make_http_runner(loop, parts.http, "3.10dev"));
  parts.registry.add("python-script", runners::make_python_runner(loop, parts.processes, *parts.virtualenvs,
                                                                  {parts.options.share + "/python/squall_runner",
                                                                   environment, parts.options.data + "/python2"},
                                                                  parts.fork_servers.get()));
  parts.registry.add("announcement",
                     runners::make_announcement_runner(loop, [&parts](const std::string& event, const Value& data) {
                       if (parts.engine != nullptr) parts.engine->events().publish(event, data);
                     }));
  add_hosted_runners(parts);
  parts.registry.add("native", runners::make_native_runner(loop, parts.natives, parts.services));
}

Components::~Components() = default;

runners::RunnerRegistry& Components::runners() { return parts_->registry; }
packs::PackIndex& Components::pack_index() { return parts_->pack_index; }

void Components::attach(engine::Engine& engine, sensors::PythonSensorOptions::Api api) {
  parts_->engine = &engine;
  sensors::KubernetesSensorOptions kubernetes;
  kubernetes.config = [&engine] {
    const Value* config = engine.catalog().find(store::Collection::kConfigs, "kubernetes");
    return config != nullptr ? (*config)["values"] : Value();
  };
  engine.add_sensor(
      std::make_unique<sensors::KubernetesSensor>(parts_->loop, parts_->kubernetes, std::move(kubernetes)));
  sensors::ThirdPartySensorOptions third_party;
  third_party.config = [&engine] { return engine.config_of("kubernetes"); };
  engine.add_sensor(std::make_unique<sensors::ThirdPartySensor>(parts_->loop, parts_->http, std::move(third_party)));
  sensors::PythonSensorOptions python;
  python.runtime_directory = parts_->options.share + "/python/squall_runner";
  python.python2_directory = parts_->options.data + "/python2";
  python.environment = process::inherited_environment();
  python.config = [&engine](const std::string& pack) { return engine.config_of(pack); };
  python.api = std::move(api);
  engine.set_sensor_fleet(std::make_unique<sensors::PythonSensors>(parts_->loop, parts_->processes,
                                                                   *parts_->virtualenvs, std::move(python)));
  engine.add_sensor(std::make_unique<sensors::TimerSensor>(parts_->loop, parts_->options.timezone));
  runners::add_pack_actions(parts_->natives, parts_->loop, *parts_->virtualenvs, pack_control(engine));
  runners::add_database_turns(parts_->natives, execution_control(engine));
}

}  // namespace squall::app

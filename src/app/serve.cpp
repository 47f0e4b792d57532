#include "app/serve.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "api/api.hpp"
#include "app/components.hpp"
#include "app/pack_watch.hpp"
#include "auth/rbac.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"
#include "engine/engine.hpp"
#include "engine/key_values.hpp"
#include "expr/expr.hpp"
#include "net/event_loop.hpp"
#include "net/http_server.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "value/json.hpp"

namespace squall::app {
namespace {

constexpr int kExitCannotStart = 1;
constexpr int kExitStoreFailed = 75;  // EX_TEMPFAIL: a supervisor should start it again

std::string environment_value(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? value : "";
}

// The store is the only truth; when it cannot be written, going on would lose work. What is durable is found again.
void exit_for_store(const Error& error) {
  log_error("the store failed; squall ends now and goes on from what is durable when it is started again",
            {{"error", error.to_string()}});
  _exit(kExitStoreFailed);
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string api_url(const Settings& settings, uint16_t port) {
  const bool any = settings.address == "0.0.0.0" || settings.address == "::";
  const std::string host = any                                               ? "127.0.0.1"
                           : settings.address.find(':') != std::string::npos ? "[" + settings.address + "]"
                                                                             : settings.address;
  return std::string(settings.tls_certificate.empty() ? "http" : "https") + "://" + host + ":" + std::to_string(port);
}

runners::RemoteOptions remote_options(const Settings& settings) {
  runners::RemoteOptions remote;
  remote.ssh.key_file = settings.ssh_key_file;
  remote.ssh.config_file = settings.ssh_config_file;
  remote.ssh.host_keys = settings.ssh_host_keys == "strict"   ? ssh::HostKeys::kStrict
                         : settings.ssh_host_keys == "ignore" ? ssh::HostKeys::kIgnore
                                                              : ssh::HostKeys::kAcceptNew;
  remote.ssh.connect_timeout = std::chrono::seconds(settings.ssh_connect_timeout);
  remote.allow_partial_failure = settings.ssh_allow_partial_failure;
  return remote;
}

Status make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorCode::kIo, "cannot make the directory " + path + ": " + error.message());
  // Executions and datastore values are nobody else's business.
  chmod(path.c_str(), 0700);
  return {};
}

// The first that is no pack itself; the last one is squall's own, and empty at first.
std::string install_directory(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    if (!std::filesystem::exists(directory + "/pack.yaml")) return directory;
  }
  return directories.back();
}

// A call of the API that comes from inside.
class InternalResponder final : public net::Responder {
 public:
  InternalResponder(Executor& executor, sensors::PythonSensorOptions::ApiDone done)
      : executor_(executor), done_(std::move(done)) {}
  ~InternalResponder() override { respond({500, "text/plain", "no answer", {}}); }

  void respond(net::ServerResponse response) override {
    if (auto done = std::exchange(done_, {}))
      executor_.post([done, response = std::move(response)] { done(response.status, response.body); });
  }
  std::shared_ptr<net::ResponseStream> start_stream(net::ServerResponse) override {
    respond({501, "application/json", R"({"faultstring": "no streams for calls from inside"})", {}});
    return nullptr;
  }

 private:
  Executor& executor_;
  sensors::PythonSensorOptions::ApiDone done_;
};

net::ServerRequest internal_request(const std::string& method, const std::string& path, const Value& query,
                                    const Value& body) {
  net::ServerRequest request;
  request.method = method;
  request.raw_path = path;
  request.path = percent_decode(path).value_or(path);
  if (query.is_dict()) {
    for (const auto& [name, value] : query.as_dict())
      request.query.emplace_back(name, value.is_string() ? value.string() : to_json(value));
  }
  if (!body.is_null()) request.body = to_json(body);
  request.remote_address = "inside";
  return request;
}

// The whole server. Members are destroyed in reverse order: the API before the engine before the store.
struct Server {
  net::EventLoop loop;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<engine::SecretSealer> sealer;
  std::shared_ptr<const crypto::SymmetricKey> datastore_key;
  std::unique_ptr<Components> components;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<auth::Access> access;
  std::unique_ptr<auth::PasswordCheck> passwords;
  std::unique_ptr<api::Api> api;
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<PackWatch> watch;
  std::vector<std::unique_ptr<net::HttpServer>> st2_ports;  // StackStorm's, besides

  Status open(const Settings& settings, const std::string& share, const std::string& version);
  Status start_watch(const Settings& settings, const std::string& share);
  Status open_st2_ports(net::ServerOptions listen);
  void run();
};

// StackStorm has a port each for logging in, the API and the stream, and its client knows no others. What is behind
// them is the same API: of the first and the last, the part that stands behind "/auth" and "/stream".
Status Server::open_st2_ports(net::ServerOptions listen) {
  struct Port {
    uint16_t number;
    std::string prefix;
  };
  for (const Port& port : std::vector<Port>{{9100, "/auth"}, {9101, ""}, {9102, "/stream"}}) {
    if (port.number == http->port()) continue;
    listen.port = port.number;
    const auto handler = [this, prefix = port.prefix](net::ServerRequest request,
                                                      std::shared_ptr<net::Responder> responder) {
      if (!request.path.starts_with(prefix + "/v1/")) request.path = prefix + request.path;
      api->handle(std::move(request), std::move(responder));
    };
    SQ_TRY(auto server, net::HttpServer::start(loop, listen, handler));
    st2_ports.push_back(std::move(server));
  }
  return {};
}

Status Server::open(const Settings& settings, const std::string& share, const std::string& version) {
  // Mistakes in files of the operator's are told before anything is done.
  if (!settings.rbac.empty()) SQ_CHECK(auth::load_definitions(settings.rbac));
  SQ_CHECK(make_directory(settings.data));
  store::SqliteOptions sqlite;
  sqlite.directory = settings.data;
  sqlite.on_fatal = exit_for_store;
  SQ_TRY(store, store::open_sqlite_store(std::move(sqlite)));
  SQ_TRY(engine::SecretSealer key, engine::SecretSealer::open(settings.data + "/secret.key"));
  sealer = std::make_unique<engine::SecretSealer>(std::move(key));
  const bool own_key = settings.encryption_key_path.empty();
  SQ_TRY(crypto::SymmetricKey opened,
         engine::open_datastore_key(own_key ? settings.data + "/datastore_key.json" : settings.encryption_key_path,
                                    own_key));
  datastore_key = std::make_shared<crypto::SymmetricKey>(std::move(opened));
  expr::register_host_filter(
      "decrypt_kv", [key = datastore_key](const Value& input, const List&) { return engine::decrypt_kv(*key, input); });

  // The port is taken before the engine starts, so that a second squall on the same port stops before it acts.
  net::ServerOptions listen;
  listen.address = settings.address;
  listen.port = settings.port;
  listen.tls_certificate_file = settings.tls_certificate;
  listen.tls_key_file = settings.tls_key;
  SQ_TRY(http, net::HttpServer::start(loop, listen,
                                      [this](net::ServerRequest request, std::shared_ptr<net::Responder> responder) {
                                        api->handle(std::move(request), std::move(responder));
                                      }));

  if (settings.st2_ports) SQ_CHECK(open_st2_ports(listen));
  access = std::make_unique<auth::Access>(loop, Clock::system(), *store, Random::system());
  if (!settings.auth_htpasswd.empty()) {
    SQ_CHECK(auth::PasswordFile::check(settings.auth_htpasswd));
    passwords = std::make_unique<auth::PasswordCheck>(loop, settings.auth_htpasswd);
  }

  engine::EngineOptions options;
  if (passwords) {
    options.driver.auth_token = [this](const std::string& execution) { return access->execution_token(execution); };
  }
  options.driver.user = settings.user;
  options.driver.running_processes_max = static_cast<size_t>(settings.action_slots);
  options.driver.hostname = host_name();
  options.driver.api_url = api_url(settings, http->port()) + "/v1";
  options.driver.web_url = api_url(settings, http->port());
  const std::string own_packs = settings.data + "/packs";
  SQ_CHECK(make_directory(own_packs));
  // Absolute, because actions of the pack `packs` run elsewhere.
  for (const std::string& directory : settings.packs) options.pack_directories.push_back(absolute_path(directory));
  options.pack_directories.push_back(absolute_path(own_packs));
  options.install_directory = install_directory(options.pack_directories);
  options.shipped_packs = share + "/packs";
  options.configs_directory = settings.configs;
  options.overrides_directory = settings.overrides;

  TimeZone timezone = TimeZone::local();
  if (!settings.timezone.empty()) {
    SQ_TRY(timezone, TimeZone::find(settings.timezone));
  }
  components =
      std::make_unique<Components>(ComponentOptions{settings.data, share, settings.user, timezone, settings.index_urls,
                                                    environment_value, settings.runners, remote_options(settings)},
                                   loop);
  engine = std::make_unique<engine::Engine>(
      engine::Engine::Dependencies{loop, Clock::system(), *store, components->runners(), *sealer, exit_for_store,
                                   datastore_key.get()},
      options);
  components->attach(*engine, [this](const std::string& method, const std::string& path, const Value& query,
                                     const Value& body, sensors::PythonSensorOptions::ApiDone done) {
    api->handle_inside(internal_request(method, path, query, body),
                       std::make_shared<InternalResponder>(loop, std::move(done)));
  });
  api::ApiOptions api_options;
  api_options.version = version;
  api_options.url = options.driver.api_url;
  api_options.access = access.get();
  api_options.passwords = passwords.get();
  if (!settings.rbac.empty()) {
    const auth::RbacOptions roles{settings.user, settings.rbac_isolation};
    api_options.load_roles = [directory = settings.rbac, roles]() -> Result<std::shared_ptr<const auth::Rbac>> {
      SQ_TRY(auth::Definitions definitions, auth::load_definitions(directory));
      return std::make_shared<const auth::Rbac>(std::move(definitions), roles);
    };
  }
  if (!settings.webhooks.empty()) {
    SQ_TRY(api_options.webhooks, auth::load_webhooks(settings.webhooks));
  }
  api_options.pack_index = &components->pack_index();
  api_options.virtualenvs = settings.data + "/virtualenvs";
  api_options.audit_file = settings.data + "/audit.log";
  api_options.connections = [this] {
    size_t open = http->connection_count();
    for (const auto& server : st2_ports) open += server->connection_count();
    return open;
  };
  api = std::make_unique<api::Api>(*engine, std::move(api_options));
  return api->apply_roles();
}

// Before the engine's start, so that nothing is missed; what is told is done once the loop runs.
Status Server::start_watch(const Settings& settings, const std::string& share) {
  if (!settings.watch) return {};
  WatchedDirectories directories{engine->options().pack_directories, settings.configs, settings.overrides};
  directories.packs.push_back(share + "/packs");
  SQ_TRY(watch, PackWatch::start(loop, *engine, std::move(directories)));
  return {};
}

void Server::run() {
  loop.on_signal({SIGINT, SIGTERM}, [this](int) {
    log_info("stopping");
    http->stop();
    for (const auto& server : st2_ports) server->stop();
    engine->stop();
    // Commits that are under way get a moment; what is not durable by then was never acknowledged.
    loop.post_after(std::chrono::milliseconds(100), [this] { loop.stop(); });
  });
  loop.run();
}

}  // namespace

int serve(const Settings& settings, const std::string& version) {
  configure_log(settings.log_level, settings.log_format);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a write beyond RLIMIT_FSIZE is an error like a full disk
  const auto refuse = [](const Error& error) {
    std::fprintf(stderr, "squall serve: %s\n", error.to_string().c_str());
    return kExitCannotStart;
  };
  const auto share = find_share_directory(environment_value);
  if (!share) return refuse(share.error());
  Server server;
  if (const Status opened = server.open(settings, *share, version); !opened) return refuse(opened.error());
  if (const Status watching = server.start_watch(settings, *share); !watching) return refuse(watching.error());
  const auto report = server.engine->start();
  if (!report) return refuse(report.error());
  if (server.watch) server.watch->remove_vanished();
  log_info("squall is ready", {{"version", version},
                               {"api", api_url(settings, server.http->port())},
                               {"data", settings.data},
                               {"actions", std::to_string(report->counts["actions"].int_or(0))},
                               {"rules", std::to_string(report->counts["rules"].int_or(0))},
                               {"problems", std::to_string(report->problems.size())}});
  server.run();
  server.watch.reset();
  server.http.reset();
  server.st2_ports.clear();
  server.store->close();
  return 0;
}

}  // namespace squall::app

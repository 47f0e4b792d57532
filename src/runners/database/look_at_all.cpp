// database.look_at_all: every Database resource against what is outside, in as few calls as there can be.
#include <map>

#include "base/log.hpp"
#include "clients/kubernetes/kubeconfig.hpp"
#include "clients/kubernetes/secrets.hpp"
#include "runners/database/actions_impl.hpp"
#include "runners/database/drift.hpp"
#include "runners/database/names.hpp"
#include "runners/database/plan.hpp"
#include "runners/database/rds_fields.hpp"
#include "runners/database/store.hpp"

namespace squall::runners::database {
namespace {

constexpr int64_t kPageSize = 500;
constexpr std::string_view kApiVersion = "squall.dev/v1alpha1";

class Survey {
 public:
  Survey(const NativeCall& call, Services& services) : call_(call), services_(services) {}

  Result<NativeAnswer> run() {
    auto cluster = services_.cluster(call_);
    // The timer of this pack runs on every squall, also where nobody has a cluster: then there is nothing to do.
    if (!cluster && cluster.error().type() == kubernetes::kNoCluster) {
      return NativeAnswer::succeeded(Value::dict({{"resources", 0},
                                                  {"compared", 0},
                                                  {"work", Value::empty_list()},
                                                  {"problems", problems_},
                                                  {"note", cluster.error().message()}}));
    }
    SQ_TRY(client_, std::move(cluster));
    SQ_TRY(const List objects, all_objects());
    size_t compared = 0;
    for (const Value& object : objects) {
      if (call_.stop.stopped()) return fail(Error(ErrorCode::kCanceled, "canceled"));
      auto plan = plan_database(object, call_.request.config);
      auto need = need_of_resource(object, plan ? std::string() : plan.error().message(), plan ? wish_of(*plan) : "");
      if (need) {
        note(object, *need);
      } else if (plan && is_managed(object)) {
        ++compared;
        compare(object, *plan);
      }
    }
    return NativeAnswer::succeeded(
        Value::dict({{"resources", objects.size()}, {"compared", compared}, {"work", work_}, {"problems", problems_}}));
  }

 private:
  // A resource whose spec could not be carried out differs from it, and says so already.
  static bool is_managed(const Value& object) {
    const Value& synced = condition_of(object, "Synced");
    if (synced["status"].string_or("") != "True" && synced["reason"].string_or("") != "DriftLoop") return false;
    return object["spec"]["managementPolicy"].string_or("Full") == "Full" &&
           !object["metadata"]["deletionTimestamp"].is_string() && object["status"]["endpoint"]["host"].truthy();
  }

  Result<List> all_objects() {
    List objects;
    auto info = client_->resolve(std::string(kApiVersion), "Database", call_.stop);
    if (!info && info.error().code() == ErrorCode::kNotFound) return objects;  // the definition is not installed
    if (!info) return fail(info.error());
    kubernetes::ResourceId resource = info->id;
    resource.namespace_name = call_.parameters["namespace"].string();
    kubernetes::ListOptions options;
    options.limit = kPageSize;
    do {
      SQ_TRY(kubernetes::ListPage page, client_->list(resource, options, call_.stop));
      for (Value& item : page.items) {
        // Items of a list come without their type.
        item.set("apiVersion", kApiVersion);
        item.set("kind", "Database");
        kubernetes::drop_managed_fields(item);
        objects.push_back(std::move(item));
      }
      options.continue_token = page.continue_token;
    } while (!options.continue_token.empty());
    return objects;
  }

  void note(const Value& object, const Need& need) {
    const Value& metadata = object["metadata"];
    work_.push_back(Value::dict({{"action", need.action},
                                 {"parameters", need.parameters},
                                 {"why", need.why},
                                 {"object", Value::dict({{"apiVersion", object["apiVersion"]},
                                                         {"kind", object["kind"]},
                                                         {"metadata", Value::dict({{"namespace", metadata["namespace"]},
                                                                                   {"name", metadata["name"]},
                                                                                   {"uid", metadata["uid"]}})}})}}));
  }

  // A service that cannot be asked is told once, and what it has is not compared.
  void problem(const std::string& service, const Error& error) {
    for (const Value& known : problems_.is_list() ? problems_.as_list() : List()) {
      if (known["service"].string_or("") == service) return;
    }
    problems_.push_back(Value::dict({{"service", service}, {"error", error.to_string()}}));
    log_warning("drift could not be looked for everywhere", {{"service", service}, {"error", error.to_string()}});
  }

  void compare(const Value& object, const Value& plan) {
    Facts facts;
    facts.instance = instance(plan);
    keep(plan, facts);
    facts.logins = logins(plan);
    facts.keys = keys(plan);
    facts.node = node(plan);
    facts.app_secret = app_secret(plan);
    if (facts.instance && facts.node) tell_health(plan, *facts.instance, *facts.node);
    const Value drift = find_drift(object, plan, facts);
    if (const auto need = need_of_facts(object, plan, drift, call_.services.clock.now())) note(object, *need);
  }

  // One paged listing for all databases of a provider, at the first of them.
  std::optional<Value> instance(const Value& plan) {
    const std::string provider = plan["provider"].string();
    auto listing = instances_.find(provider);
    if (listing == instances_.end()) listing = instances_.emplace(provider, list_instances(plan)).first;
    if (!listing->second) return std::nullopt;
    const auto found = listing->second->find(plan["identifier"].string());
    return found == listing->second->end() ? Value() : found->second;
  }

  using Instances = std::map<std::string, Value>;  // by identifier
  std::optional<Instances> list_instances(const Value& plan) {
    const auto records = [&]() -> Result<Value> {
      SQ_TRY(const clients::RdsClient rds, services_.rds(call_, plan));
      return rds.call_all("DescribeDBInstances", "DBInstances", Value::dict({{"MaxRecords", 100}}));
    }();
    if (!records) {
      const std::string provider = plan["provider"].string();
      problem(provider.empty() ? "aws" : "aws (provider " + provider + ")", records.error());
      return std::nullopt;
    }
    Instances instances;
    for (const Value& record : records->as_list()) instances[record["DBInstanceIdentifier"].string()] = record;
    return instances;
  }

  void keep(const Value& plan, Facts& facts) {
    if (is_aws_managed(plan)) return;
    const bool in_vault = plan["keep"].is_dict();
    if (in_vault && vault_away_) return;
    const auto found = [&]() -> Result<Kept> {
      SQ_TRY(const auto store, password_store(call_, services_, plan));
      return store->current();
    }();
    if (!found) {
      if (in_vault) vault_away_ = is_passing(found.error());
      problem(in_vault ? "vault" : "kubernetes", found.error());
      return;
    }
    facts.secret = found->data;
    if (in_vault) facts.metadata = found->metadata;
    if (!plan["credentials"]["password_from"].is_dict()) return;
    const auto given = given_password(call_, services_, plan);
    if (given) {
      facts.given = fingerprint(plan["uid"].string(), *given, found->data["salt"].string());
    } else {
      problem("passwordFrom of " + plan["object"]["namespace"].string() + "/" + plan["object"]["name"].string(),
              given.error());
    }
  }

  std::optional<Value> logins(const Value& plan) {
    if (vault_away_ || !plan["logins"].is_dict()) return std::nullopt;
    const auto found = find_logins(call_, plan);
    if (found) return *found;
    vault_away_ = is_passing(found.error());
    problem("vault", found.error());
    return std::nullopt;
  }

  // Consul's catalog runs no checks: the service's health is what was seen at RDS. A database that works is told by the
  // chain that brought it about.
  void tell_health(const Value& plan, const Value& record, const Value& node) {
    const std::string status = record.is_null() ? "gone" : record["DBInstanceStatus"].string();
    const Value& service = node["Services"][plan["consul"]["service"].string()];
    if (!(record.is_null() || is_broken(status)) || !service.is_dict()) return;
    auto consul = services_.consul(call_);
    if (!consul) return;
    Value registration = consul_registration(plan, instance_of_record(record), status);
    const Value check = registration["Check"];
    const Value told = Value::dict({{"Node", plan["consul"]["node"]},
                                    {"Address", node["Node"]["Address"]},
                                    {"SkipNodeUpdate", true},
                                    {"Check", check}});
    if (const auto done = consul->register_catalog(told, call_.stop); !done) problem("consul", done.error());
  }

  std::optional<Value> keys(const Value& plan) {
    if (consul_away_ || !plan["consul"]["kv"].bool_or(true)) return std::nullopt;
    const std::string prefix = plan["consul"]["prefix"].string() + "/";
    auto consul = services_.consul(call_);
    if (!consul) return consul_problem(consul.error());
    const auto entries = consul->list(prefix, call_.stop);
    if (!entries) return consul_problem(entries.error());
    Value keys = Value::empty_dict();
    for (const auto& entry : *entries) keys.set(entry.key.substr(prefix.size()), entry.value);
    return keys;
  }

  std::optional<Value> node(const Value& plan) {
    if (consul_away_ || !plan["consul"]["register"].bool_or(true)) return std::nullopt;
    auto consul = services_.consul(call_);
    if (!consul) return consul_problem(consul.error());
    const auto found = consul->catalog_node(plan["consul"]["node"].string(), call_.stop);
    if (!found) return consul_problem(found.error());
    return *found;
  }

  std::nullopt_t consul_problem(const Error& error) {
    consul_away_ = is_passing(error);
    problem("consul", error);
    return std::nullopt;
  }

  std::optional<Value> app_secret(const Value& plan) {
    // Where it keeps the password, it is compared as that.
    if (!plan["secret"].is_dict() || is_secret_only(plan)) return std::nullopt;
    auto found = client_->get({"", "v1", "secrets", plan["object"]["namespace"].string()},
                              plan["secret"]["name"].string(), call_.stop);
    if (found) return *found;
    if (found.error().http_status() == 404) return Value();
    problem("kubernetes", found.error());
    return std::nullopt;
  }

  const NativeCall& call_;
  Services& services_;
  std::shared_ptr<kubernetes::Client> client_;
  bool vault_away_ = false, consul_away_ = false;
  std::map<std::string, std::optional<Instances>> instances_;  // by provider
  Value work_ = Value::empty_list();
  Value problems_ = Value::empty_list();
};

}  // namespace

Result<NativeAnswer> look_at_all(const NativeCall& call, Services& services) { return Survey(call, services).run(); }

}  // namespace squall::runners::database

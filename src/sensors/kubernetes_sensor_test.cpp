#include "sensors/kubernetes_sensor.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "clients/kubernetes/fake_api_server.hpp"
#include "sensors/kubernetes_sensor_payload.hpp"
#include "sensors/kubernetes_sensor_state.hpp"
#include "store/memory/memory_store.hpp"

namespace squall::sensors {
namespace {

using kubernetes::testing::FakeApiServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using store::Collection;

Value json(const char* text) { return parse_json(text).value(); }

// Commits as the engine does: the emissions and the sensor's state in one transaction of the store. Every emission is a
// document, so that what the test sees is what became durable.
class TestHost final : public SensorHost {
 public:
  TestHost(store::Store& store, Executor& executor) : store_(store), executor_(executor) {}

  void commit(SensorCommit commit, std::function<void(Status)> done) override {
    const auto shared = std::make_shared<SensorCommit>(std::move(commit));
    const bool refuse = fail_next > 0 && fail_next-- > 0;
    store_.write(
        [this, shared, refuse](store::WriteTx& transaction) -> Status {
          if (refuse) return fail(ErrorCode::kUnavailable, "store is down");
          for (const Emission& emission : shared->emissions) {
            const Value document = Value::dict({{"trigger", emission.trigger},
                                                {"status", "pending"},
                                                {"payload", emission.payload},
                                                {"trace", emission.trace_tag}});
            SQ_CHECK(transaction.insert(Collection::kTriggerInstances, new_object_id(), document));
          }
          return shared->state ? shared->state(transaction) : Status();
        },
        [this, done = std::move(done)](Status status) {
          executor_.post([done, status = std::move(status)] { done(status); });
        });
  }
  store::Store& store() override { return store_; }

  std::atomic<int> fail_next{0};

 private:
  store::Store& store_;
  Executor& executor_;
};

class KubernetesSensorTest : public ::testing::Test {
 protected:
  KubernetesSensorTest() {
    char pattern[] = "/tmp/squall-sensor-XXXXXX";
    directory_ = mkdtemp(pattern);
    kubeconfig_ = directory_ + "/config";
    options_.config = [this] { return Value::dict({{"kubeconfig", kubeconfig_}}); };
    options_.informer.page_size = 10;
    options_.informer.relist_spread = milliseconds(20);
    options_.informer.short_watch = milliseconds(100);
    options_.informer.backoff = {milliseconds(30), milliseconds(100), seconds(120)};
    EXPECT_TRUE(write_file_atomically(kubeconfig_,
                                      "current-context: dev\ncontexts: [{name: dev, context: {cluster: c1}}]\n"
                                      "clusters: [{name: c1, cluster: {server: '" +
                                          server_.url() + "'}}]\n"));
  }
  ~KubernetesSensorTest() override {
    stop();
    store_.close();
    loop_.stop();
    std::filesystem::remove_all(directory_);
  }

  static Value trigger(const std::string& event, const Value& parameters, const std::string& name = "") {
    return Value::dict({{"ref", "kubernetes." + (name.empty() ? "t-" + event : name)},
                        {"type", std::string(kKubernetesTriggerPrefix) + event},
                        {"parameters", parameters}});
  }
  static Value databases() { return json(R"({"api_version":"squall.dev/v1alpha1","resource":"databases"})"); }

  void start(const std::vector<Value>& triggers) {
    on_loop([&] {
      sensor_ = std::make_unique<KubernetesSensor>(loop_.loop, clients_, options_);
      for (const Value& item : triggers) sensor_->add_trigger(item);
      sensor_->start(host_);
    });
  }
  void stop() {
    on_loop([&] {
      if (sensor_) sensor_->stop();
      sensor_.reset();
    });
  }
  void on_loop(const std::function<void()>& task) {
    loop_.on_loop([&] {
      task();
      return 0;
    });
  }
  Value status() {
    return loop_.on_loop([&] { return sensor_->status(); });
  }
  template <typename Condition>
  [[nodiscard]] static bool eventually(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }
  std::vector<Value> documents(Collection collection) {
    std::vector<Value> result;
    EXPECT_TRUE(store_.read([&](store::ReadTx& transaction) -> Status {
      SQ_TRY(const auto page, transaction.list(collection, {}));
      for (const store::Record& record : page.records) result.push_back(record.document);
      return {};
    }));
    return result;
  }
  std::vector<Value> emitted() { return documents(Collection::kTriggerInstances); }
  // "t-created shop/a", sorted.
  std::vector<std::string> lines() {
    std::vector<std::string> result;
    for (const Value& item : emitted()) {
      const Value& payload = item["payload"];
      result.push_back(item["trigger"].string().substr(11) + " " + payload["namespace"].string() + "/" +
                       payload["name"].string());
    }
    std::sort(result.begin(), result.end());
    return result;
  }
  [[nodiscard]] bool emits(const std::vector<std::string>& expected) {
    const bool reached = eventually([&] { return lines().size() >= expected.size(); });
    std::this_thread::sleep_for(milliseconds(100));  // for what should not come
    EXPECT_EQ(lines(), expected);
    return reached;
  }
  [[nodiscard]] bool is_in_state(const std::string& state) {
    return eventually([&] { return status()["state"].string() == state; });
  }

  FakeApiServer server_;
  std::string directory_, kubeconfig_;
  net::HttpClient http_;
  net::testing::LoopThread loop_;
  store::MemoryStore store_;
  TestHost host_{store_, loop_.loop};
  kubernetes::KubernetesClients clients_{http_, {}};
  KubernetesSensorOptions options_;
  std::unique_ptr<KubernetesSensor> sensor_;
};

TEST_F(KubernetesSensorTest, EmitsEachChangeToTheTriggersOfItsType) {
  server_.put("databases", "shop", "a",
              json(R"({"metadata":{"labels":{"app":"x"},"managedFields":[{}]},"spec":{"n":1}})"));
  start({trigger("created", databases()), trigger("modified", databases()), trigger("deleted", databases())});
  ASSERT_TRUE(emits({"t-created shop/a"}));
  const Value first = emitted()[0];
  const Value& payload = first["payload"];
  EXPECT_EQ(payload["event"].string(), "created");
  EXPECT_EQ(payload["api_version"].string(), "squall.dev/v1alpha1");
  EXPECT_EQ(payload["kind"].string(), "Database");
  EXPECT_EQ(payload["resource"].string(), "databases");
  EXPECT_EQ(payload["generation"].int_or(0), 1);
  EXPECT_EQ(payload["labels"]["app"].string(), "x");
  EXPECT_EQ(payload["cluster"].string(), "c1");
  EXPECT_EQ(payload["uid"], payload["object"]["metadata"]["uid"]);
  EXPECT_TRUE(payload["old_object"].is_null());
  EXPECT_FALSE(payload["object"]["metadata"].contains("managedFields"));
  EXPECT_EQ(first["trace"].string(), "kubernetes/databases/shop/a/" + payload["uid"].string());

  server_.put("databases", "shop", "a", json(R"({"spec":{"n":2}})"));
  server_.erase("databases", "shop", "a");
  ASSERT_TRUE(emits({"t-created shop/a", "t-deleted shop/a", "t-modified shop/a"}));
  for (const Value& item : emitted()) {
    if (item["payload"]["event"].string() != "modified") continue;
    EXPECT_EQ(item["payload"]["object"]["spec"]["n"].int_or(0), 2);
    EXPECT_EQ(item["payload"]["old_object"]["spec"]["n"].int_or(0), 1);
  }
  EXPECT_EQ(status()["watches"].size(), 1u) << "one watch for three triggers";
  EXPECT_EQ(server_.watch_count(), 1u);
}

TEST_F(KubernetesSensorTest, RestartsEmitTrueDifferencesOnly) {
  for (int i = 0; i < 30; ++i) server_.put("databases", "shop", std::to_string(i));
  const std::vector<Value> triggers = {trigger("created", databases()), trigger("deleted", databases())};
  start(triggers);
  ASSERT_TRUE(eventually([&] { return emitted().size() == 30; }));
  stop();
  server_.put("databases", "shop", "new");
  server_.erase("databases", "shop", "7");
  server_.compact();
  start(triggers);
  ASSERT_TRUE(eventually([&] { return emitted().size() == 32; }));
  stop();
  start(triggers);
  ASSERT_TRUE(is_in_state("watching"));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(emitted().size(), 32u);
}

TEST_F(KubernetesSensorTest, RefusedCommitsAreMadeAgainAndEmittedOnce) {
  for (int i = 0; i < 300; ++i) server_.put("databases", "shop", std::to_string(i));
  host_.fail_next = 5;
  start({trigger("created", databases())});
  ASSERT_TRUE(eventually([&] { return emitted().size() >= 300; }));
  ASSERT_TRUE(is_in_state("watching"));
  EXPECT_EQ(emitted().size(), 300u);
}

TEST_F(KubernetesSensorTest, SecretsAreMaskedEverywhere) {
  const Value secret = json(R"({"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":
      "{\"data\":{\"password\":\"aHVudGVyMg==\"}}"}},"data":{"password":"aHVudGVyMg=="},"stringData":{"x":"hunter2"}})");
  server_.put("secrets", "shop", "s", secret);
  const Value parameters = json(R"({"api_version":"v1","resource":"secrets"})");
  start({trigger("created", parameters), trigger("modified", parameters)});
  ASSERT_TRUE(emits({"t-created shop/s"}));
  server_.put("secrets", "shop", "s", secret);
  ASSERT_TRUE(emits({"t-created shop/s", "t-modified shop/s"}));
  std::string all;
  for (const Collection collection :
       {Collection::kTriggerInstances, Collection::kSensorObjects, Collection::kCursors}) {
    for (const Value& document : documents(collection)) all += to_json(document);
  }
  EXPECT_EQ(all.find("aHVudGVyMg"), std::string::npos);
  EXPECT_EQ(all.find("hunter2"), std::string::npos);
  EXPECT_NE(all.find("\"password\":\"********\""), std::string::npos) << "the names stay";
}

TEST_F(KubernetesSensorTest, ChangesAreToldWithoutATriggerForCreatedObjects) {
  server_.put("databases", "shop", "a", json(R"({"spec":{"n":1}})"));
  start({trigger("modified", databases())});
  ASSERT_TRUE(is_in_state("watching"));
  server_.put("databases", "shop", "a", json(R"({"spec":{"n":2}})"));
  ASSERT_TRUE(emits({"t-modified shop/a"}));
  EXPECT_EQ(emitted()[0]["payload"]["old_object"]["spec"]["n"].int_or(0), 1);
}

TEST_F(KubernetesSensorTest, ObjectsThatNobodyNeedsAreNotKept) {
  Value light = databases();
  light.set("keep_objects", false);
  server_.put("databases", "shop", "a", json(R"({"spec":{"text":"bulky"}})"));
  server_.put("databases", "shop", "b", json(R"({"spec":{"text":"bulky"}})"));
  const std::vector<Value> triggers = {trigger("created", databases()), trigger("modified", light),
                                       trigger("deleted", light)};
  start(triggers);
  ASSERT_TRUE(emits({"t-created shop/a", "t-created shop/b"}));
  EXPECT_FALSE(status()["watches"][0]["keeps_objects"].bool_or(true));
  server_.put("databases", "shop", "a", json(R"({"spec":{"text":"bulky too"}})"));
  ASSERT_TRUE(emits({"t-created shop/a", "t-created shop/b", "t-modified shop/a"}));
  stop();
  server_.erase("databases", "shop", "b");
  server_.compact();
  start(triggers);
  ASSERT_TRUE(emits({"t-created shop/a", "t-created shop/b", "t-deleted shop/b", "t-modified shop/a"}));
  for (const Value& document : documents(Collection::kSensorObjects)) {
    EXPECT_EQ(to_json(document).find("bulky"), std::string::npos) << to_json(document);
  }
  for (const Value& item : emitted()) {
    const Value& payload = item["payload"];
    const std::string event = payload["event"].string();
    EXPECT_EQ(payload["kind"].string(), "Database") << event;
    EXPECT_EQ(payload["api_version"].string(), "squall.dev/v1alpha1") << event;
    if (event == "deleted") {
      EXPECT_TRUE(payload["final_state_unknown"].bool_or(false));
      EXPECT_EQ(payload["object"]["metadata"]["uid"], payload["uid"]);
      EXPECT_FALSE(payload["object"].contains("spec"));
    } else {
      EXPECT_TRUE(payload["object"].contains("spec")) << event;
    }
    if (event != "modified") continue;
    EXPECT_EQ(payload["generation"].int_or(0), 2);
    EXPECT_EQ(payload["old_object"]["metadata"]["generation"].int_or(0), 1) << "so that a rule can compare it";
    EXPECT_FALSE(payload["old_object"].contains("spec"));
  }
}

TEST_F(KubernetesSensorTest, WhoeverNeedsObjectsHasThemKeptFromThenOn) {
  server_.put("databases", "shop", "a", json(R"({"spec":{"n":1}})"));
  start({trigger("created", databases())});
  ASSERT_TRUE(emits({"t-created shop/a"}));
  EXPECT_FALSE(status()["watches"][0]["keeps_objects"].bool_or(true)) << "created objects have no past";
  on_loop([&] { sensor_->add_trigger(trigger("modified", databases())); });
  ASSERT_TRUE(eventually([&] { return documents(Collection::kSensorObjects)[0]["object"].contains("spec"); }));
  server_.put("databases", "shop", "a", json(R"({"spec":{"n":2}})"));
  ASSERT_TRUE(emits({"t-created shop/a", "t-modified shop/a"}));
  for (const Value& item : emitted()) {
    if (item["payload"]["event"].string() == "modified") {
      EXPECT_EQ(item["payload"]["old_object"]["spec"]["n"].int_or(0), 1);
    }
  }
}

TEST_F(KubernetesSensorTest, SaysWhenItListed) {
  start({trigger("created", databases())});
  ASSERT_TRUE(is_in_state("watching"));
  ASSERT_TRUE(eventually([&] { return status()["watches"][0]["lists"].int_or(0) == 1; }));
  const Value watch = status()["watches"][0];
  EXPECT_TRUE(parse_timestamp(watch["last_list"].string())) << to_json(watch);
  EXPECT_TRUE(watch["streams_lists"].bool_or(false));
}

TEST_F(KubernetesSensorTest, ComparesEverythingAsOftenAsTheConfigSays) {
  options_.informer.resync_every = milliseconds(200);
  start({trigger("created", databases())});
  ASSERT_TRUE(eventually([&] { return status()["watches"][0]["lists"].int_or(0) >= 3; }));
  stop();
  options_.config = [this] { return Value::dict({{"kubeconfig", kubeconfig_}, {"resync_minutes", 0}}); };
  server_.compact();
  start({trigger("created", databases())});
  ASSERT_TRUE(is_in_state("watching"));
  std::this_thread::sleep_for(milliseconds(600));
  EXPECT_EQ(status()["watches"][0]["lists"].int_or(0), 1) << "never";
}

TEST_F(KubernetesSensorTest, TriggersComeAndGo) {
  server_.put("databases", "shop", "a");
  start({});
  EXPECT_EQ(status()["state"].string(), "idle");
  on_loop([&] { sensor_->add_trigger(trigger("modified", databases())); });
  ASSERT_TRUE(is_in_state("watching"));
  EXPECT_TRUE(lines().empty());
  // What existed before is told to the first who wants to know of created objects.
  on_loop([&] { sensor_->add_trigger(trigger("created", databases())); });
  ASSERT_TRUE(emits({"t-created shop/a"}));
  // A rule that is changed goes away and comes back: nothing is told twice.
  on_loop([&] {
    sensor_->remove_trigger(trigger("modified", databases()));
    sensor_->remove_trigger(trigger("created", databases()));
  });
  EXPECT_EQ(status()["state"].string(), "idle");
  server_.put("databases", "shop", "b");
  on_loop([&] { sensor_->add_trigger(trigger("created", databases(), "other")); });
  ASSERT_TRUE(emits({"other shop/b", "t-created shop/a"}));
}

TEST_F(KubernetesSensorTest, StateThatNobodyNeedsIsErased) {
  for (int i = 0; i < 450; ++i) server_.put("databases", "shop", std::to_string(i));
  options_.state_kept = milliseconds(50);
  start({trigger("created", databases())});
  ASSERT_TRUE(eventually([&] { return emitted().size() == 450; }));
  on_loop([&] { sensor_->remove_trigger(trigger("created", databases())); });
  ASSERT_TRUE(eventually(
      [&] { return documents(Collection::kSensorObjects).empty() && documents(Collection::kCursors).empty(); }));
  on_loop([&] { sensor_->add_trigger(trigger("created", databases())); });
  ASSERT_TRUE(eventually([&] { return emitted().size() == 900; })) << "watched for the first time again";
  stop();
  start({});  // the trigger went away while nobody looked
  ASSERT_TRUE(eventually([&] { return documents(Collection::kSensorObjects).empty(); }));
}

TEST_F(KubernetesSensorTest, AnErasureThatWasCutShortIsFinishedFirst) {
  for (int i = 0; i < 450; ++i) server_.put("databases", "shop", std::to_string(i));
  start({trigger("created", databases())});
  ASSERT_TRUE(eventually([&] { return emitted().size() == 450; }));
  stop();
  const std::string scope = parse_kubernetes_target(databases())->scope();
  ASSERT_TRUE(store_.write_and_wait([&](store::WriteTx& transaction) -> Status {
    SQ_TRY(const bool more, erase_kubernetes_scope(transaction, scope, 200));
    EXPECT_TRUE(more);
    return {};
  }));
  start({trigger("created", databases())});
  ASSERT_TRUE(eventually([&] { return emitted().size() == 900; })) << "all of them, not only those that were erased";
}

TEST_F(KubernetesSensorTest, ServerDownAndBack) {
  server_.stop();
  server_.put("databases", "shop", "a");
  start({trigger("created", databases())});
  ASSERT_TRUE(is_in_state("failing"));
  EXPECT_NE(status()["message"].string().find(server_.url()), std::string::npos) << to_json(status());
  server_.start();
  ASSERT_TRUE(emits({"t-created shop/a"}));
  ASSERT_TRUE(is_in_state("watching"));
}

TEST_F(KubernetesSensorTest, AKubeconfigThatAppearsLaterIsUsed) {
  server_.put("databases", "shop", "a");
  const std::string text = read_file(kubeconfig_).value();
  std::filesystem::remove(kubeconfig_);
  start({trigger("created", databases())});
  ASSERT_TRUE(is_in_state("failing"));
  EXPECT_NE(status()["message"].string().find(kubeconfig_), std::string::npos);
  ASSERT_TRUE(write_file_atomically(kubeconfig_, text));
  ASSERT_TRUE(emits({"t-created shop/a"}));
}

TEST_F(KubernetesSensorTest, TriggersThatCannotWorkAreNamed) {
  start({trigger("created", json(R"({"resource":"databases"})"), "bad"), trigger("created", databases())});
  ASSERT_TRUE(is_in_state("watching"));
  EXPECT_NE(status()["refused"]["kubernetes.bad"].string().find("api_version is missing"), std::string::npos);
}

TEST_F(KubernetesSensorTest, AfterStopNothingIsEmitted) {
  start({trigger("created", databases())});
  ASSERT_TRUE(is_in_state("watching"));
  on_loop([&] { sensor_->stop(); });
  server_.put("databases", "shop", "a");
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_TRUE(lines().empty());
  EXPECT_EQ(status()["state"].string(), "stopped");
}

TEST(KubernetesTargetTest, ReadsParameters) {
  const auto target = parse_kubernetes_target(
      json(R"({"group":"squall.dev","version":"v1alpha1","kind":"Database","namespace":"shop","context":"dev",
               "label_selector":{"app":"a","tier":"b"},"field_selector":"metadata.name=x"})"));
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_EQ(target->api_version, "squall.dev/v1alpha1");
  EXPECT_EQ(target->label_selector, "app=a,tier=b");
  EXPECT_EQ(target->scope(),
            "kubernetes/dev/squall.dev%2Fv1alpha1/kind%3DDatabase/shop/app%3Da%2Ctier%3Db/metadata.name%3Dx");
  EXPECT_EQ(parse_kubernetes_target(json(R"({"group":"core","version":"v1","resource":"pods"})"))->api_version, "v1");
}

TEST(KubernetesTargetTest, RefusesWhatIsIncomplete) {
  for (const char* bad :
       {"{}", R"({"api_version":"v1"})", R"({"resource":"pods"})", R"({"api_version":"a/b/c","kind":"X"})",
        R"({"api_version":"v1","group":"x","resource":"pods"})", R"({"api_version":1,"resource":"pods"})",
        R"({"api_version":"v1","resource":"pods","label_selector":{"a":1}})",
        R"({"api_version":"v1","resource":"pods","keep_objects":"no"})"}) {
    EXPECT_FALSE(parse_kubernetes_target(json(bad))) << bad;
  }
}

TEST(KubernetesTargetTest, DifferentTargetsHaveDifferentScopes) {
  const auto scope = [](const std::string& context, const std::string& space, const std::string& labels) {
    KubernetesTarget target;
    target.context = context;
    target.api_version = "v1";
    target.resource = "pods";
    target.namespace_name = space;
    target.label_selector = labels;
    return target.scope();
  };
  EXPECT_NE(scope("a", "", ""), scope("", "a", ""));
  EXPECT_NE(scope("", "", "*"), scope("", "", ""));
  EXPECT_NE(scope("a/b", "", ""), scope("a", "b", ""));
  const std::string long_text(2000, 'x');
  EXPECT_NE(scope("", "", long_text + "1"), scope("", "", long_text + "2"));
  EXPECT_LE(scope("", "", long_text).size(), 600u);
}

TEST(KubernetesPayloadTest, OnlySecretsAreMasked) {
  const Value map = json(R"({"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"},"metadata":{"managedFields":[1]}})");
  EXPECT_EQ(project_kubernetes_object(map),
            json(R"({"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"},"metadata":{}})"));
  EXPECT_EQ(map["metadata"]["managedFields"].size(), 1u) << "the original is not touched";
  EXPECT_EQ(project_kubernetes_object(json(R"({"apiVersion":"v1","kind":"Secret","data":null})")),
            json(R"({"apiVersion":"v1","kind":"Secret","data":null})"));
}

}  // namespace
}  // namespace squall::sensors

// Lists that are streamed, lists that are made again, and what they bring out.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "clients/kubernetes/informer_fixture.hpp"

namespace squall::kubernetes {
namespace {

using testing::FakeApiServer;
using testing::InformerTest;
using testing::Log;
using testing::milliseconds;
using testing::numbered;
using testing::seconds;
using testing::spec;

class StreamedListTest : public InformerTest {
 protected:
  StreamedListTest() { options_.watch_list = true; }
  // "created shop/a" of the changes from `first` on, sorted.
  Log news(size_t first) const {
    Log result;
    const Log all = log();
    for (size_t i = first; i < all.size(); ++i) {
      result.push_back(all[i].substr(0, all[i].find(' ', all[i].find(' ') + 1)));
    }
    std::sort(result.begin(), result.end());
    return result;
  }
};

TEST_F(StreamedListTest, OneRequestListsAndWatches) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  put("late");
  erase("n3");
  ASSERT_TRUE(eventually([&] { return log().size() == 27; }));
  EXPECT_EQ(lists(), 0u);
  EXPECT_EQ(server_.requests().size(), 1u);
  const auto request = server_.requests().at(0);
  EXPECT_EQ(request.query_value("resourceVersionMatch"), "NotOlderThan");
  EXPECT_EQ(request.query_value("allowWatchBookmarks"), "true");
  EXPECT_EQ(request.query_value("resourceVersion"), "");
  EXPECT_EQ(status().lists, 1u);
  EXPECT_TRUE(status().last_list);
  EXPECT_TRUE(status().streams_lists);
  EXPECT_EQ(states_, (Log{"starting", "listing", "watching"}));
}

TEST_F(StreamedListTest, FindsTrueDifferencesOnlyAfterTheHistoryIsGone) {
  for (int i = 0; i < 15; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  stop();
  put("n1", 2);
  erase("n2");
  erase("n3");
  put("n3", 9);  // the same name, another object
  put("new");
  server_.compact();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(streamed_lists(), 2u);
  EXPECT_EQ(news(15),
            (Log{"created shop/n3", "created shop/new", "deleted shop/n2", "deleted shop/n3", "modified shop/n1"}));
}

struct Refusal {
  const char* name;
  FakeApiServer::Streaming streaming;
};
class Refused : public StreamedListTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(Refused, LeadsToPagesForGood) {
  server_.set_streaming(GetParam().streaming);
  options_.stream_patience = milliseconds(200);
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 25u);
  EXPECT_EQ(lists(), 1u);
  EXPECT_FALSE(status().streams_lists);
  EXPECT_EQ(std::count(states_.begin(), states_.end(), "failing"), 0) << "that is no failure";
  server_.compact();
  server_.close_watches();
  put("new");
  ASSERT_TRUE(eventually([&] { return log().size() == 26; }));
  EXPECT_EQ(streamed_lists(), 1u) << "it is not asked again";
}

INSTANTIATE_TEST_SUITE_P(Streaming, Refused,
                         ::testing::Values(Refusal{"ByStatus", FakeApiServer::Streaming::kRefused},
                                           Refusal{"InBand", FakeApiServer::Streaming::kRefusedInBand},
                                           Refusal{"BySilence", FakeApiServer::Streaming::kUnknown}),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_F(StreamedListTest, CutShortItStartsOverAndDeletesNothing) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  stop();
  put("n30");
  server_.compact();
  server_.cut_streamed_list(7);
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(news(25), Log{"created shop/n30"});
  EXPECT_EQ(streamed_lists(), 3u);
  EXPECT_TRUE(status().streams_lists) << "once is an accident";
}

TEST_F(StreamedListTest, CutShortAgainAndAgainItComesInPages) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  const auto streamed = [](const FakeApiServer::Request& request) { return request.is_streamed_list(); };
  server_.refuse(streamed,
                 {{503, "", {}}, {504, FakeApiServer::status_body(504, "Timeout", "Too large resource version"), {}}});
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 25u);
  EXPECT_EQ(lists(), 1u);
  EXPECT_TRUE(status().streams_lists) << "the next one is streamed again";
}

TEST_F(StreamedListTest, ARestartInTheMiddleLosesAndRepeatsNothing) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  options_.backoff = {seconds(60), seconds(60), seconds(120)};
  server_.cut_streamed_list(10);
  start();
  ASSERT_TRUE(eventually([&] { return log().size() == 10; }));
  EXPECT_EQ(loop_.on_loop([&] { return storage_.saved.cursor; }), "");
  stop();
  put("n11", 5);
  erase("n10");
  start();
  ASSERT_TRUE(settled());
  const Log all = log();
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& line) { return line.starts_with("created"); }), 25);
}

TEST_F(StreamedListTest, SlowCommitsHoldTheServerBack) {
  constexpr int kObjects = 20'000;
  for (int i = 0; i < kObjects; ++i) put(numbered("n", i));
  storage_.hold = true;
  start();
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kPaused; }));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LT(status().pending, kObjects / 2u) << "not all of it may lie in memory";
  loop_.on_loop([&] {
    storage_.hold = false;
    storage_.release();
    return 0;
  });
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), static_cast<size_t>(kObjects));
  EXPECT_EQ(streamed_lists(), 1u) << "it goes on where it was";
}

TEST_F(StreamedListTest, WhileTheStoreFailsItWaits) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  storage_.fail_next = 3;
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 25u);
  EXPECT_GE(std::count(states_.begin(), states_.end(), "failing"), 1);
}

// Both ways: a first sync, and a second one with few differences, without the history.
class FiftyThousand : public InformerTest, public ::testing::WithParamInterface<bool> {};

TEST_P(FiftyThousand, ObjectsAreOnceEach) {
  constexpr size_t kObjects = 50'000;
  for (size_t i = 0; i < kObjects; ++i) server_.put("databases", "shop", numbered("n", static_cast<int>(i)), spec(1));
  options_.watch_list = GetParam();
  options_.page_size = 2000;
  keeping_ = false;
  start();
  ASSERT_TRUE(eventually([&] { return is_watching(); }, seconds(60)));
  Log all = log();
  ASSERT_EQ(all.size(), kObjects);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), kObjects);
  EXPECT_EQ(status().objects, kObjects);
  stop();
  server_.put("databases", "shop", "n17", spec(2));
  server_.erase("databases", "shop", "n18");
  server_.compact();
  start();
  ASSERT_TRUE(eventually([&] { return is_watching() && status().objects == kObjects - 1; }, seconds(60)));
  EXPECT_EQ(log().size(), kObjects + 2);
}

INSTANTIATE_TEST_SUITE_P(ListsIn, FiftyThousand, ::testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "AStream" : "Pages"; });

// ---- Lists that are made again

TEST_F(StreamedListTest, EveryNowAndThenEverythingIsCompared) {
  options_.resync_every = milliseconds(500);
  put("a");
  start();
  ASSERT_TRUE(eventually([&] { return status().lists >= 3; }));
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 1u) << "it repeats nothing";
  put("a", 2);
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u);
}

// What nobody could see: the server was restored while squall was away, and got further than it had been. The position
// looks good; the comparison, which comes early after a restart, finds what is different.
TEST_F(StreamedListTest, ARestoredServerThatHasOvertakenThePositionIsFoundByTheComparison) {
  put("a");
  put("b");
  const auto backup = server_.back_up();
  start();
  ASSERT_TRUE(settled());
  put("c");
  ASSERT_TRUE(settled());
  stop();
  server_.restore(backup);
  for (int i = 0; i < 10; ++i) put("a", i + 50);
  server_.compact();
  server_.set_revision(server_.revision() + 100);
  loop_.on_loop([&] { return storage_.saved.cursor = std::to_string(server_.revision()); });
  options_.resync_every = seconds(3);
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(news(3), (Log{"deleted shop/c", "modified shop/a"}));
}

TEST_F(StreamedListTest, AfterARestoredBackupContentsAreComparedAndNothingIsRepeated) {
  for (int i = 0; i < 10; ++i) put(numbered("n", i));
  const auto backup = server_.back_up();
  start();
  ASSERT_TRUE(settled());
  put("n1", 7);  // done again after the backup: the same content with another version
  put("n2", 8);  // undone by the backup
  put("later");  // not in the backup
  erase("n3");   // there again: as the object that it was
  for (int i = 0; i < 30; ++i) put("busy", i);
  ASSERT_TRUE(settled());
  const size_t known = log().size();
  server_.stop();
  server_.restore(backup);
  put("n1", 7);
  server_.start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(news(known), (Log{"created shop/n3", "deleted shop/busy", "deleted shop/later", "modified shop/n2"}));
  // What happens from then on is told, although the server counts below what was seen before.
  put("n4", 2);
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), known + 5);
}

// A load balancer may keep the connection while the server behind it is restored: then the position lies in the future
// and the watch stays silent. Bytes that are no events do not hide it.
TEST_F(StreamedListTest, AFuturePositionIsNoticedThoughTheConnectionLives) {
  options_.idle_timeout = milliseconds(400);
  put("a");
  start();
  ASSERT_TRUE(settled());
  loop_.on_loop([&] { return storage_.saved.cursor = std::to_string(server_.revision() + 1000); });
  stop();
  server_.refuse([](const auto& request) { return request.query_value("limit") == "1"; },
                 {{200, R"({"metadata":{"resourceVersion":"999999"},"items":[]})", {}}});
  loop_.on_loop([&] { return storage_.saved.cursor = std::to_string(server_.revision() + 1000); });
  start();
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kWatching; }));
  put("a", 2);
  const auto begin = std::chrono::steady_clock::now();
  while (log().size() < 2 && std::chrono::steady_clock::now() - begin < seconds(10)) {
    server_.send_raw("\n");
    std::this_thread::sleep_for(milliseconds(20));
  }
  ASSERT_TRUE(settled());
  EXPECT_EQ(news(1), Log{"modified shop/a"});
}

TEST_F(StreamedListTest, AnEventFromBeforeThePositionMeansThatTheServerCountsAnew) {
  put("a");
  put("b");
  start();
  ASSERT_TRUE(settled());
  server_.send_raw(
      R"({"type":"MODIFIED","object":{"metadata":{"name":"a","namespace":"shop","uid":"x","resourceVersion":"3"}}})");
  ASSERT_TRUE(eventually([&] { return streamed_lists() == 2; }));
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u) << "the list tells how it is";
}

// ---- The resource type itself

class MissingType : public StreamedListTest, public ::testing::WithParamInterface<bool> {
 protected:
  MissingType() {
    options_.watch_list = GetParam();
    options_.resource.clear();
    options_.kind = "Database";
  }
};

TEST_P(MissingType, IsWaitedFor) {
  server_.remove_type("databases");
  start();
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kFailing; }));
  EXPECT_NE(status().message.find("does not know Database of squall.dev/v1alpha1; waiting until it is defined"),
            std::string::npos)
      << status().message;
  server_.define_type("databases");
  put("a");
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 1u);
}

TEST_P(MissingType, DeletedAndDefinedAgainWhileWatched) {
  for (int i = 0; i < 3; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  server_.remove_type("databases");
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kFailing && log().size() == 6; }));
  server_.define_type("databases");
  put("n1");
  ASSERT_TRUE(settled());
  EXPECT_EQ(news(3), (Log{"created shop/n1", "deleted shop/n0", "deleted shop/n1", "deleted shop/n2"}));
}

TEST_P(MissingType, ObjectsAreGoneWhenTheTypeIsBackWithoutThemNotBefore) {
  for (int i = 0; i < 3; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  server_.stop();
  server_.remove_type("databases");
  server_.start();
  ASSERT_TRUE(eventually([&] {
    return status().state == InformerState::kFailing && status().message.find("waiting until") != std::string::npos;
  }));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(log().size(), 3u) << "an answer like this can come from a proxy";
  stop();
  start();
  server_.define_type("databases");
  put("n1");
  ASSERT_TRUE(settled());
  EXPECT_EQ(news(3), (Log{"created shop/n1", "deleted shop/n0", "deleted shop/n1", "deleted shop/n2"}));
}

INSTANTIATE_TEST_SUITE_P(ListsIn, MissingType, ::testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "AStream" : "Pages"; });

// ---- What is wanted

TEST_F(StreamedListTest, WishesThatChangeWhileItListsAreMet) {
  announcing_ = keeping_ = false;
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  bool asked = false;
  server_.on_request([this, &asked](const FakeApiServer::Request& request) {
    if (!request.is_streamed_list() || std::exchange(asked, true)) return;
    loop_.loop.post([this] { informer_->set_wishes(true, true); });
    std::this_thread::sleep_for(milliseconds(50));
  });
  start();
  ASSERT_TRUE(eventually([&] { return log().size() == 25 && is_watching(); }));
  loop_.on_loop([&] {
    for (const auto& [key, object] : storage_.objects) EXPECT_TRUE(object.contains("spec")) << key;
    return 0;
  });
}

TEST_F(StreamedListTest, ObjectsThatAreNotKeptLeaveTheirMarks) {
  keeping_ = false;
  put("a");
  put("b");
  start();
  ASSERT_TRUE(settled());
  EXPECT_FALSE(status().keeps_objects);
  put("a", 2);
  ASSERT_TRUE(settled());
  stop();
  erase("b");
  server_.compact();
  start();
  ASSERT_TRUE(settled());
  loop_.on_loop([&] {
    EXPECT_FALSE(storage_.objects["shop/a"].contains("spec"));
    EXPECT_EQ(storage_.old_objects.at(2)["metadata"]["generation"].int_or(0), 1);
    EXPECT_FALSE(storage_.old_objects.at(2).contains("spec"));
    EXPECT_EQ(storage_.old_objects.at(3)["metadata"]["name"].string(), "b");
    return 0;
  });
  // Now somebody wants them.
  loop_.on_loop([&] {
    informer_->set_wishes(true, true);
    return 0;
  });
  ASSERT_TRUE(eventually([&] { return loop_.on_loop([&] { return storage_.objects["shop/a"].contains("spec"); }); }));
  EXPECT_EQ(log().size(), 4u);
}

// ---- Credentials that are replaced while it runs

class Rotation : public StreamedListTest {
 protected:
  // The server takes another token from now on, and the watch that is open ends, as when a bound token expires.
  void rotate(const std::function<void()>& replace) {
    put("a");
    server_.require_authorization("Bearer one");
    start();
    ASSERT_TRUE(settled());
    replace();
    server_.require_authorization("Bearer two");
    server_.close_watches();
    put("a", 2);
    ASSERT_TRUE(settled());
    EXPECT_EQ(log().size(), 2u);
    EXPECT_EQ(streamed_lists(), 1u) << "the position is still good";
  }
};

TEST_F(Rotation, OfATokenFileIsNoticedAtTheFirstRefusal) {
  char pattern[] = "/tmp/squall-token-XXXXXX";
  configuration_.token_file = std::string(mkdtemp(pattern)) + "/token";
  const auto write = [&](const char* token) { ASSERT_TRUE(write_file_atomically(configuration_.token_file, token)); };
  write("one");
  rotate([&] { write("two"); });
  EXPECT_EQ(std::count(states_.begin(), states_.end(), "failing"), 0);
  std::filesystem::remove_all(std::filesystem::path(configuration_.token_file).parent_path());
}

TEST_F(Rotation, OfAPluginsTokenRunsThePluginAgain) {
  std::atomic<int> runs = 0;
  std::string token = "one";
  configuration_.exec.emplace();
  configuration_.exec->api_version = "client.authentication.k8s.io/v1";
  plugin_ = [&](const ExecPlugin&, const std::function<void(Result<std::string>)>& done) {
    ++runs;
    done(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":")" + token +
         "\"}}");
  };
  rotate([&] { token = "two"; });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(std::count(states_.begin(), states_.end(), "failing"), 0);
}

TEST_F(Rotation, ThatComesLateIsWaitedFor) {
  char pattern[] = "/tmp/squall-token-XXXXXX";
  configuration_.token_file = std::string(mkdtemp(pattern)) + "/token";
  ASSERT_TRUE(write_file_atomically(configuration_.token_file, "one"));
  put("a");
  server_.require_authorization("Bearer one");
  start();
  ASSERT_TRUE(settled());
  server_.require_authorization("Bearer two");
  server_.close_watches();
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kFailing; }));
  EXPECT_NE(status().message.find("does not accept the credentials"), std::string::npos) << status().message;
  put("a", 2);
  ASSERT_TRUE(write_file_atomically(configuration_.token_file, "two"));
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u);
  std::filesystem::remove_all(std::filesystem::path(configuration_.token_file).parent_path());
}

}  // namespace
}  // namespace squall::kubernetes

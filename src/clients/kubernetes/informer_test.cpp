#include "clients/kubernetes/informer.hpp"

#include <algorithm>
#include <random>

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

TEST_F(InformerTest, ListsInPagesThenWatches) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 25u);
  EXPECT_EQ(server_.count([](const FakeApiServer::Request& request) { return request.is_list(); }), 3u);
  const std::string created = put("late");
  const std::string modified = put("late", 2);
  erase("late");
  ASSERT_TRUE(eventually([&] { return log().size() == 28; }));
  EXPECT_EQ(log()[25], "created shop/late " + created + " before -");
  EXPECT_EQ(log()[26], "modified shop/late " + modified + " before " + created);
  EXPECT_EQ(log()[27].substr(0, 17), "deleted shop/late");
  EXPECT_EQ(lists(), 1u);
  const auto requests = server_.requests();
  const auto watch =
      std::find_if(requests.begin(), requests.end(), [](const auto& request) { return request.is_watch(); });
  EXPECT_EQ(watch->query_value("allowWatchBookmarks"), "true");
  EXPECT_GE(parse_int(watch->query_value("timeoutSeconds")).value_or(0), 300);
  EXPECT_LE(parse_int(watch->query_value("timeoutSeconds")).value_or(0), 600);
}

TEST_F(InformerTest, GoesOnFromTheSavedPositionAfterARestart) {
  for (int i = 0; i < 5; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  stop();
  put("n1", 2);
  erase("n2");
  put("new");
  server_.forget_requests();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 8u);
  EXPECT_EQ(lists(), 0u) << "no list was needed";
  stop();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 8u) << "nothing has changed";
}

TEST_F(InformerTest, AListThatWasCutShortStartsOver) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  const auto second_page = [](const FakeApiServer::Request& request) {
    return !request.query_value("continue").empty();
  };
  server_.refuse(second_page,
                 {{410, FakeApiServer::status_body(410, "Expired", "too old continue"), {}}, {500, "", {}}});
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 25u);
  EXPECT_EQ(lists(), 3u);
}

TEST_F(InformerTest, ARestartInTheMiddleOfAListLosesAndRepeatsNothing) {
  for (int i = 0; i < 25; ++i) put(numbered("n", i));
  server_.refuse([](const auto& request) { return !request.query_value("continue").empty(); },
                 {{503, "", {{"Retry-After", "60"}}}});
  start();
  ASSERT_TRUE(eventually([&] { return log().size() == 10; }));
  EXPECT_EQ(loop_.on_loop([&] { return storage_.saved.cursor; }), "");
  stop();
  put("n11", 5);  // both on the first page
  erase("n10");
  start();
  ASSERT_TRUE(settled());
  const Log all = log();
  EXPECT_EQ(all.size(), 27u);
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& line) { return line.starts_with("created"); }), 25);
}

class Expired : public InformerTest, public ::testing::WithParamInterface<bool> {};

TEST_P(Expired, PositionLeadsToAListAndToTrueDifferencesOnly) {
  for (int i = 0; i < 15; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  stop();
  put("n1", 2);
  erase("n2");
  erase("n3");
  put("n3", 9);  // the same name, another object
  put("new");
  server_.compact(GetParam());
  server_.forget_requests();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(lists(), 1u);
  const Log all = log();
  Log news(all.begin() + 15, all.end());
  for (std::string& line : news) line = line.substr(0, line.find(' ', line.find(' ') + 1));
  std::sort(news.begin(), news.end());
  EXPECT_EQ(news,
            (Log{"created shop/n3", "created shop/new", "deleted shop/n2", "deleted shop/n3", "modified shop/n1"}));
}

INSTANTIATE_TEST_SUITE_P(BothWays, Expired, ::testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "HttpStatus" : "InBand"; });

TEST_F(InformerTest, ExpiredWhileWatching) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  server_.send_raw(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Gone","message":"too old"}})");
  put("a", 2);
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u);
  EXPECT_EQ(lists(), 2u);
}

TEST_F(InformerTest, ErrorEventsAreTriedAgainAndLeadToAListWhenTheyGoOn) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  for (int i = 0; i < kWatchErrorsMax; ++i) {
    EXPECT_EQ(lists(), 1u);
    server_.send_raw(
        R"({"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"x"}})");
    const size_t before = watches();
    ASSERT_TRUE(eventually([&] { return watches() > before && is_watching(); }));
  }
  EXPECT_EQ(lists(), 2u);
  EXPECT_EQ(log().size(), 1u);
}

TEST_F(InformerTest, GarbageInTheStreamIsNotTheEnd) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  for (const char* garbage :
       {"404 page not found", "{\"type\":\"MODIFIED\"}", "{\"type\":\"ODD\",\"object\":{}}", "{]"}) {
    const size_t before = watches();
    server_.send_raw(garbage);
    ASSERT_TRUE(eventually([&] { return watches() > before && is_watching(); })) << garbage;
  }
  put("a", 2);
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u);
  EXPECT_EQ(lists(), 1u);
}

TEST_F(InformerTest, AStreamThatIsCutInTheMiddleOfAnObject) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  server_.send_raw(R"({"type":"MODIFIED","object":{"metadata":{"name":"a","names)");
  server_.close_watches();
  put("a", 2);
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u);
}

TEST_F(InformerTest, TheEndOfAWatchIsNormal) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  std::this_thread::sleep_for(milliseconds(150));
  server_.close_watches();
  put("a", 2);
  ASSERT_TRUE(settled());
  EXPECT_EQ(lists(), 1u);
  EXPECT_EQ(states_, (Log{"starting", "listing", "watching"})) << "no failure is reported";
}

TEST_F(InformerTest, AServerThatEndsEveryWatchAtOnceIsNotHammered) {
  put("a");
  options_.short_watch = seconds(10);
  start();
  ASSERT_TRUE(settled());
  const auto end = std::chrono::steady_clock::now() + milliseconds(1500);
  while (std::chrono::steady_clock::now() < end) {
    server_.close_watches();
    std::this_thread::sleep_for(milliseconds(2));
  }
  EXPECT_LT(watches(), 25u);
}

TEST_F(InformerTest, BookmarksMoveThePosition) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  server_.put("secrets", "shop", "other");
  const std::string now = std::to_string(server_.revision());
  server_.send_bookmark();
  ASSERT_TRUE(eventually([&] { return loop_.on_loop([&] { return storage_.saved.cursor == now; }); }));
  EXPECT_EQ(log().size(), 1u);
  stop();
  server_.forget_requests();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(server_.count([&](const auto& request) { return request.query_value("resourceVersion") == now; }), 1u);
}

TEST_F(InformerTest, ASilentStreamIsReplaced) {
  options_.idle_timeout = milliseconds(400);
  put("a");
  start();
  ASSERT_TRUE(settled());
  server_.set_silent(true);
  put("a", 2);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(log().size(), 1u);
  server_.set_silent(false);  // for the watches that are opened from now on
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 2u);
  EXPECT_EQ(lists(), 1u);
  EXPECT_EQ(std::count(states_.begin(), states_.end(), "failing"), 0) << "silence is no failure";
}

TEST_F(InformerTest, AServerThatWentBackInTimeIsNoticed) {
  put("a");
  put("b");
  start();
  ASSERT_TRUE(settled());
  const int64_t before = server_.revision();
  for (int i = 0; i < 20; ++i) put("b", i);
  ASSERT_TRUE(settled());
  const size_t known = log().size();
  server_.stop();
  server_.set_revision(before);
  server_.start();
  put("a", 7);
  ASSERT_TRUE(settled());
  EXPECT_GE(lists(), 2u);
  EXPECT_EQ(log().size(), known + 1);
}

TEST_F(InformerTest, TheServerIsDownAtTheStart) {
  put("a");
  server_.stop();
  start();
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kFailing; }));
  EXPECT_NE(status().message.find(server_.url()), std::string::npos) << status().message;
  std::this_thread::sleep_for(milliseconds(300));
  server_.start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(status().message, "");
  EXPECT_EQ(log().size(), 1u);
  EXPECT_EQ(std::count(states_.begin(), states_.end(), "failing"), 1) << "told once, not at every try";
}

TEST_F(InformerTest, TheServerGoesAwayForAWhile) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  for (int round = 0; round < 3; ++round) {
    server_.stop();
    put("a", round + 10);
    std::this_thread::sleep_for(milliseconds(100));
    server_.start();
    ASSERT_TRUE(settled());
  }
  EXPECT_EQ(log().size(), 4u);
  EXPECT_EQ(lists(), 1u);
}

TEST_F(InformerTest, FindsTheResourceByKindWhenItAppears) {
  options_.resource.clear();
  options_.kind = "Database";
  put("a");
  server_.refuse([](const auto& request) { return request.path == "/apis/squall.dev/v1alpha1"; },
                 {{404, "404 page not found", {}}, {404, "404 page not found", {}}});
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 1u);
  EXPECT_EQ(status().resource, "databases");
}

TEST_F(InformerTest, SelectorsAndNamespaceGoToTheServer) {
  options_.namespace_name = "shop";
  options_.label_selector = "app in (a,b),!c";
  options_.field_selector = "metadata.name=a";
  put("a");
  server_.put("databases", "elsewhere", "b");
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 1u);
  for (const auto& request : server_.requests()) {
    EXPECT_EQ(request.path, "/apis/squall.dev/v1alpha1/namespaces/shop/databases");
    EXPECT_EQ(request.query_value("labelSelector"), "app in (a,b),!c");
    EXPECT_EQ(request.query_value("fieldSelector"), "metadata.name=a");
  }
}

TEST_F(InformerTest, ProjectionComesBeforeEverything) {
  options_.project = [](Value object) {
    object.erase("spec");
    return object;
  };
  put("a");
  start();
  ASSERT_TRUE(settled());
  put("a", 2);
  ASSERT_TRUE(settled());
  loop_.on_loop([&] {
    EXPECT_FALSE(storage_.objects["shop/a"].contains("spec"));
    EXPECT_EQ(storage_.objects["shop/a"]["kind"].string(), "Database");
    return 0;
  });
}

TEST_F(InformerTest, WhileTheStoreFailsNothingMoreIsReadAndNothingIsLost) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  loop_.on_loop([&] { return storage_.fail_next = 1'000'000; });
  put("a", 2);
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kFailing; }));
  EXPECT_NE(status().message.find("store is down"), std::string::npos) << status().message;
  ASSERT_TRUE(eventually([&] { return server_.watch_count() == 1 && status().pending == 1; }));
  for (int i = 3; i < 40; ++i) put("a", i);
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_EQ(status().pending, 1u) << "reads no further";
  loop_.on_loop([&] { return storage_.fail_next = 0; });
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 39u);
  EXPECT_EQ(lists(), 1u);
}

TEST_F(InformerTest, TheStoreFailsDuringTheFirstList) {
  for (int i = 0; i < 95; ++i) put(numbered("n", i));
  storage_.fail_next = 3;
  storage_.fail_loads = 1;
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 95u);
}

TEST_F(InformerTest, SlowCommitsHoldTheListBack) {
  for (int i = 0; i < 5000; ++i) put(numbered("n", i));
  options_.page_size = 500;
  storage_.hold = true;
  start();
  ASSERT_TRUE(eventually([&] { return status().state == InformerState::kPaused; }));
  EXPECT_LE(status().pending, kPendingChangesMax + 500 + kCommitsInFlightMax * kBatchChangesMax);
  loop_.on_loop([&] {
    storage_.hold = false;
    storage_.release();
    return 0;
  });
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 5000u);
  EXPECT_EQ(lists(), 1u);
}

TEST_F(InformerTest, StateThatSomebodyElseWroteIsLoadedAgain) {
  put("a");
  start();
  ASSERT_TRUE(settled());
  loop_.on_loop([&] {
    storage_.saved = {};
    storage_.objects.clear();
    storage_.entries.clear();
    return 0;
  });
  put("b");
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 3u) << "everything anew";
}

TEST_F(InformerTest, CreatedObjectsAreAnnouncedOnceSomebodyWantsToKnow) {
  announcing_ = false;
  for (int i = 0; i < 30; ++i) put(numbered("n", i));
  start();
  ASSERT_TRUE(settled());
  EXPECT_TRUE(log().empty());
  stop();
  announcing_ = true;
  start();
  ASSERT_TRUE(settled());
  ASSERT_TRUE(eventually([&] { return log().size() == 30; }));
  stop();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 30u);
}

TEST_F(InformerTest, FiveThousandObjectsAreOnceEach) {
  for (int i = 0; i < 5000; ++i) put(numbered("n", i));
  options_.page_size = 500;
  start();
  ASSERT_TRUE(settled());
  Log all = log();
  EXPECT_EQ(all.size(), 5000u);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 5000u);
  stop();
  put("n17", 2);
  server_.compact();
  start();
  ASSERT_TRUE(settled());
  EXPECT_EQ(log().size(), 5001u);
}

// Changes, outages, compactions, cut streams, failing commits and restarts in random order: every state that was there
// at the end is known, and replaying the log gives it.
class Chaos : public InformerTest, public ::testing::WithParamInterface<bool> {};

TEST_P(Chaos, EndsWithEverythingToldOnce) {
  options_.watch_list = GetParam();
  options_.idle_timeout = milliseconds(700);
  const unsigned seed = 11;
  std::mt19937 random(seed);
  const auto pick = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  start();
  for (int step = 0; step < 400; ++step) {
    const std::string name = numbered("n", pick(20));
    switch (pick(24)) {
      case 0: erase(name); break;
      case 1:
        erase(name);
        put(name, step);
        break;
      case 2: server_.compact(pick(2) == 0); break;
      case 3: server_.close_watches(); break;
      case 4:
        server_.send_raw("{\"type\":\"MOD");
        server_.close_watches();
        break;
      case 5: loop_.on_loop([&] { return storage_.fail_next += 1; }); break;
      case 6: loop_.on_loop([&] { return storage_.lie_next += 1; }); break;
      case 7: server_.send_bookmark(); break;
      case 8:
        stop();
        start();
        break;
      case 9:
        server_.stop();
        put(name, step);
        server_.start();
        break;
      case 10: std::this_thread::sleep_for(milliseconds(pick(30))); break;
      case 11: server_.cut_streamed_list(static_cast<size_t>(pick(10))); break;
      default: put(name, step); break;
    }
  }
  ASSERT_TRUE(settled()) << "seed " << seed;
  std::map<std::string, std::string> replayed;
  for (const std::string& line : log()) {
    const auto words = split(line, ' ');
    const bool known = replayed.contains(words[1]);
    ASSERT_EQ(known, words[0] != "created") << line << " seed " << seed;
    if (known) {
      ASSERT_EQ(replayed[words[1]], words[4]) << line << " seed " << seed;
    }
    if (words[0] == "deleted") {
      replayed.erase(words[1]);
    } else {
      replayed[words[1]] = words[2];
    }
  }
  std::map<std::string, std::string> expected;
  for (const std::string& name : names_) {
    const Value object = server_.find("databases", "shop", name);
    if (!object.is_null()) expected["shop/" + name] = object["metadata"]["resourceVersion"].string();
  }
  EXPECT_EQ(replayed, expected) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(ListsIn, Chaos, ::testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "AStream" : "Pages"; });

}  // namespace
}  // namespace squall::kubernetes

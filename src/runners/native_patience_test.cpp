#include "runners/native_patience.hpp"

#include <gtest/gtest.h>

#include "net/http_client.hpp"
#include "value/json.hpp"

namespace squall::runners {
namespace {

using namespace std::chrono_literals;

class NativePatienceTest : public ::testing::Test {
 protected:
  Result<NativeAnswer> call(const NativeFunction& run, const Value& state = {}) {
    return run({request_, parameters_, state, {}, services_});
  }
  // Calls again after each wait; how long it waited in all.
  Result<NativeAnswer> run_to_end(const NativeFunction& run) {
    Value state;
    while (true) {
      auto answer = call(run, state);
      if (!answer || answer->wait == nullptr) return answer;
      delays_.push_back(answer->wait->delay);
      clock_.advance(answer->wait->delay);
      state = parse_json(to_json(answer->wait->state)).value();  // it goes through the store in between
    }
  }
  static Error sealed() { return Error(ErrorCode::kUnavailable, "sealed").with_type("VaultSealed"); }
  Duration waited() const {
    Duration sum{};
    for (const Duration delay : delays_) sum += delay;
    return sum;
  }

  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
  net::HttpClient http_;
  NativeServices services_{
      .http = http_, .clock = clock_, .environment = [](const std::string&) { return std::string(); }};
  ActionRequest request_;
  Value parameters_ = Value::empty_dict();
  std::vector<Duration> delays_;
};

TEST_F(NativePatienceTest, GoesOnWhenTheTroubleEnds) {
  int calls = 0;
  const auto answer = run_to_end(patient([&](const NativeCall&) -> Result<NativeAnswer> {
    if (++calls <= 12) return fail(sealed());
    return NativeAnswer::succeeded("done");
  }));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->result, Value("done"));
  ASSERT_EQ(delays_.size(), 12u);
  EXPECT_LE(delays_.front(), 1200ms);
  EXPECT_GE(delays_.front(), 800ms);
  EXPECT_LE(delays_.back(), 36s);
  EXPECT_GE(delays_.back(), 24s);
}

TEST_F(NativePatienceTest, GivesUpAtItsLimit) {
  parameters_.set("unavailable_timeout", 100);
  const NativeFunction run = patient([](const NativeCall&) -> Result<NativeAnswer> { return fail(sealed()); });
  const auto answer = run_to_end(run);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().type(), "VaultSealed");
  EXPECT_NE(answer.error().message().find("given up after 100 s"), std::string::npos) << answer.error().message();
  EXPECT_EQ(waited(), 100s);
  parameters_.set("unavailable_timeout", 0);
  EXPECT_EQ(call(run).error().message(), "sealed");
  parameters_ = Value::empty_dict();
  request_.config = Value::dict({{"unavailable_timeout", 0}});
  EXPECT_EQ(call(run).error().message(), "sealed") << "the pack's config counts where the parameter is not given";
}

TEST_F(NativePatienceTest, OtherErrorsAreNotWaitedFor) {
  const Error errors[] = {Error(ErrorCode::kPermissionDenied, "no"), Error(ErrorCode::kRemote, "bad"),
                          Error(ErrorCode::kUnavailable, "no trust").with_type("TlsVerification"),
                          Error(ErrorCode::kTimeout, "at its end").with_type("TimedOut")};
  for (const Error& error : errors) {
    const auto answer = call(patient([&](const NativeCall&) -> Result<NativeAnswer> { return fail(error); }));
    ASSERT_FALSE(answer) << error.message();
    EXPECT_EQ(answer.error().message(), error.message());
  }
}

TEST_F(NativePatienceTest, TheActionsOwnStateComesThrough) {
  int calls = 0;
  std::vector<Value> seen;
  const auto answer = run_to_end(patient([&](const NativeCall& call) -> Result<NativeAnswer> {
    seen.push_back(call.state);
    switch (++calls) {
      case 1: return NativeAnswer::wait_for(5s, Value::dict({{"step", 1}}));
      case 2:
      case 3: return fail(sealed());
      default: return NativeAnswer::succeeded(call.state);
    }
  }));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->result, Value::dict({{"step", 1}}));
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_TRUE(seen[0].is_null());
  EXPECT_EQ(seen[2], Value::dict({{"step", 1}}));
}

}  // namespace
}  // namespace squall::runners

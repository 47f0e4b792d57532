#include "clients/aws/aws_query_client.hpp"

#include <gmock/gmock.h>

#include <deque>

#include "base/log.hpp"
#include "net/test_server.hpp"

namespace squall::clients {
namespace {

using namespace std::chrono_literals;
using net::ServerRequest;
using net::ServerResponse;
using ::testing::HasSubstr;
using ::testing::Not;

const crypto::Credentials kKeys{"AKIDEXAMPLE", "wJalrXUtnFEMI", "the-session-token"};

ServerResponse error_answer(int status, const std::string& code, const std::string& message = "text") {
  return {.status = status,
          .content_type = "text/xml",
          .body = "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type><Code>" +
                  code + "</Code><Message>" + message + "</Message></Error><RequestId>r</RequestId></ErrorResponse>"};
}

ServerResponse good_answer() {
  return {.content_type = "text/xml", .body = "<DoItResponse><DoItResult><A>1</A></DoItResult></DoItResponse>"};
}

// Answers from a queue (then with success), and keeps what it was sent.
class AwsQueryClientTest : public ::testing::Test {
 protected:
  AwsQueryClient client(std::string url = {}) {
    return AwsQueryClient(http_, {"rds", "2014-10-31", url.empty() ? server_.url("") : url, "eu-west-1", ""}, clock_,
                          Random::system(), [this](Duration delay, const StopToken& stop) {
                            delays_.push_back(delay);
                            return !stop.stopped();
                          });
  }
  ServerResponse answer(const ServerRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (answers_.empty()) return good_answer();
    ServerResponse next = answers_.front();
    answers_.pop_front();
    return next;
  }

  std::mutex mutex_;
  std::deque<ServerResponse> answers_;
  std::vector<ServerRequest> requests_;
  std::vector<Duration> delays_;
  ManualClock clock_{parse_timestamp("2026-11-22T12:00:00Z").value()};
  net::testing::TestServer server_{[this](const ServerRequest& request) { return answer(request); }};
  net::HttpClient http_;
};

TEST_F(AwsQueryClientTest, SendsASignedForm) {
  auto rds = client();
  const auto result = rds.call("DoIt", {{"A.B.1", "x y&z"}, {"\xC3\xBC", "+"}}, &kKeys, {});
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->text_of("A"), "1");
  const ServerRequest& request = requests_.at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/");
  EXPECT_EQ(request.body, "Action=DoIt&Version=2014-10-31&A.B.1=x%20y%26z&%C3%BC=%2B");
  EXPECT_EQ(request.headers.get("Content-Type"), "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_EQ(request.headers.get("amz-sdk-request"), "attempt=1; max=3");
  EXPECT_EQ(request.headers.get("X-Amz-Security-Token"), "the-session-token");
  // What arrived must sign to what was sent.
  crypto::SigV4Request again{request.method, server_.url("/"), {}, request.body};
  for (const char* name : {"Content-Type", "amz-sdk-invocation-id", "amz-sdk-request"}) {
    again.headers.emplace_back(name, request.headers.get(name));
  }
  const auto expected = crypto::sign(again, kKeys, "eu-west-1", "rds", clock_.now());
  EXPECT_EQ(request.headers.get("Authorization"), expected.back().second);
  EXPECT_EQ(request.headers.get("X-Amz-Date"), "20261122T120000Z");
}

TEST_F(AwsQueryClientTest, UnsignedWithoutCredentials) {
  ASSERT_TRUE(client().call("DoIt", {}, nullptr, {}));
  EXPECT_FALSE(requests_.at(0).headers.has("Authorization"));
  EXPECT_FALSE(requests_.at(0).headers.has("X-Amz-Date"));
}

TEST_F(AwsQueryClientTest, AnActionWithoutResultIsEmpty) {
  answers_ = {{.body = "<DoItResponse><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DoItResponse>"}};
  const auto result = client().call("DoIt", {}, &kKeys, {});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->children.empty());
}

TEST_F(AwsQueryClientTest, RetriesHiccupsWithFreshSignaturesAndOneInvocation) {
  answers_ = {{.status = 503, .body = "<html>busy"}, error_answer(400, "Throttling", "Rate exceeded")};
  auto rds = client();
  ASSERT_TRUE(rds.call("DoIt", {}, &kKeys, {}));
  ASSERT_EQ(requests_.size(), 3u);
  EXPECT_EQ(requests_[2].headers.get("amz-sdk-request"), "attempt=3; max=3");
  EXPECT_EQ(requests_[0].headers.get("amz-sdk-invocation-id"), requests_[2].headers.get("amz-sdk-invocation-id"));
  EXPECT_NE(requests_[0].headers.get("Authorization"), requests_[2].headers.get("Authorization"));
  ASSERT_EQ(delays_.size(), 2u);
  EXPECT_LT(delays_[0], 50ms);
  EXPECT_LT(delays_[1], 2s);
  EXPECT_EQ(rds.retry_quota_left(), 500 - 14 - 5 + 5);
}

TEST_F(AwsQueryClientTest, GivesUpAfterThreeTries) {
  for (int i = 0; i < 5; ++i) answers_.push_back(error_answer(400, "Throttling", "Rate exceeded"));
  const auto result = client().call("DoIt", {}, &kKeys, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(requests_.size(), 3u);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().type(), "Throttling");
}

TEST_F(AwsQueryClientTest, BrokenEndpointIsNotBuriedUnderRetries) {
  auto rds = client("http://127.0.0.1:1");
  size_t calls = 0;
  for (; rds.retry_quota_left() >= 14; ++calls) ASSERT_FALSE(rds.call("DoIt", {}, &kKeys, {}));
  const size_t delays = delays_.size();
  EXPECT_EQ(delays, 500u / 14);
  const auto result = rds.call("DoIt", {}, &kKeys, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(delays_.size(), delays);
}

TEST_F(AwsQueryClientTest, HeedsTheServersRetryAfter) {
  answers_ = {{.status = 503, .headers = {{"x-amz-retry-after", "1500"}}}};
  ASSERT_TRUE(client().call("DoIt", {}, &kKeys, {}));
  EXPECT_EQ(delays_.at(0), 1500ms);
}

TEST_F(AwsQueryClientTest, LearnsTheTimeWhenOurClockIsWrong) {
  // The server's Date header is the real time, hours away from our clock.
  answers_ = {error_answer(403, "SignatureDoesNotMatch", "Signature expired")};
  auto rds = client();
  ASSERT_TRUE(rds.call("DoIt", {}, &kKeys, {}));
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_EQ(requests_[0].headers.get("X-Amz-Date"), "20261122T120000Z");
  const std::string learnt(requests_[1].headers.get("X-Amz-Date"));
  EXPECT_NE(learnt, "20261122T120000Z");
  ASSERT_TRUE(rds.call("DoIt", {}, &kKeys, {}));
  EXPECT_EQ(requests_[2].headers.get("X-Amz-Date").substr(0, 11), learnt.substr(0, 11)) << "the offset is remembered";
  EXPECT_TRUE(delays_.empty());
}

TEST_F(AwsQueryClientTest, WrongSecretIsNotTakenForAWrongClock) {
  auto rds =
      AwsQueryClient(http_, {"rds", "2014-10-31", server_.url(""), "eu-west-1", ""}, Clock::system(), Random::system());
  for (int i = 0; i < 3; ++i) answers_.push_back(error_answer(403, "SignatureDoesNotMatch"));
  const auto result = rds.call("DoIt", {}, &kKeys, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(AwsQueryClientTest, ShowsOnlyTheFirstSentenceOfASignatureError) {
  answers_ = {error_answer(403, "SignatureDoesNotMatch", "It does not match.\n\nThe Canonical String was\n'POST'")};
  AwsQueryClient rds(http_, {"rds", "2014-10-31", server_.url(""), "eu-west-1", ""}, Clock::system(), Random::system());
  EXPECT_EQ(rds.call("DoIt", {}, &kKeys, {}).error().message(), "rds DoIt: It does not match. (SignatureDoesNotMatch)");
}

TEST_F(AwsQueryClientTest, MapsErrors) {
  const struct {
    int status;
    const char* code;
    ErrorCode expected;
  } cases[] = {
      {400, "DBInstanceAlreadyExists", ErrorCode::kConflict},      {404, "DBInstanceNotFound", ErrorCode::kNotFound},
      {404, "DBSubnetGroupNotFoundFault", ErrorCode::kNotFound},   {400, "InvalidParameterValue", ErrorCode::kInvalid},
      {400, "InvalidParameterCombination", ErrorCode::kInvalid},   {400, "MissingParameter", ErrorCode::kInvalid},
      {403, "AccessDenied", ErrorCode::kPermissionDenied},         {400, "ExpiredToken", ErrorCode::kPermissionDenied},
      {403, "InvalidClientTokenId", ErrorCode::kPermissionDenied}, {400, "InvalidDBInstanceState", ErrorCode::kRemote},
      {400, "InstanceQuotaExceeded", ErrorCode::kRemote}};
  for (const auto& each : cases) {
    answers_ = {error_answer(each.status, each.code, "why &amp; how")};
    const auto result = client().call("DoIt", {}, &kKeys, {});
    ASSERT_FALSE(result) << each.code;
    EXPECT_EQ(result.error().code(), each.expected) << each.code;
    EXPECT_EQ(result.error().type(), each.code);
    EXPECT_EQ(result.error().http_status(), each.status);
    EXPECT_EQ(result.error().message(), std::string("rds DoIt: why & how (") + each.code + ")");
  }
  EXPECT_TRUE(delays_.empty());
}

TEST_F(AwsQueryClientTest, OddAnswersAreErrorsWithoutTheirText) {
  for (const ServerResponse& odd : {ServerResponse{.body = "canary-text"}, ServerResponse{.body = ""}}) {
    answers_.assign(3, odd);
    const auto result = client().call("DoIt", {}, &kKeys, {});
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), Not(HasSubstr("canary")));
  }
  answers_ = {{.status = 418, .body = "canary-text"}};
  const auto result = client().call("DoIt", {}, &kKeys, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "rds DoIt: HTTP status 418");
}

TEST_F(AwsQueryClientTest, KnownSecretsAreMaskedInErrors) {
  add_log_secret("canary-password");
  answers_ = {error_answer(400, "InvalidParameterValue", "the password canary-password is bad")};
  const auto result = client().call("DoIt", {}, &kKeys, {});
  EXPECT_THAT(result.error().message(), Not(HasSubstr("canary-password")));
}

TEST_F(AwsQueryClientTest, StopEndsItBetweenTries) {
  answers_.assign(3, {.status = 503});
  StopSource stop;
  AwsQueryClient rds(http_, {"rds", "2014-10-31", server_.url(""), "eu-west-1", ""}, clock_, Random::system(),
                     [&](Duration, const StopToken&) {
                       stop.stop();
                       return false;
                     });
  EXPECT_EQ(rds.call("DoIt", {}, &kKeys, stop.token()).error().code(), ErrorCode::kCanceled);
  EXPECT_EQ(requests_.size(), 1u);
}

TEST(ParseHttpDate, OnlyTheOneForm) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_timestamp("1994-11-06T08:49:37Z"));
  for (const char* bad :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Abc 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

}  // namespace
}  // namespace squall::clients

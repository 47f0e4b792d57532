#include "auth/webhook_signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squall::auth {
namespace {

using ::testing::HasSubstr;

Timestamp at(int64_t seconds) { return Timestamp(std::chrono::seconds(seconds)); }

// The examples that the senders' own documentation has.
TEST(WebhookSignature, GitHubsExample) {
  const net::Headers headers = {
      {"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}};
  EXPECT_TRUE(verify_webhook(WebhookScheme::kGitHub, "It's a Secret to Everybody", headers, "Hello, World!", at(0)));
  EXPECT_FALSE(verify_webhook(WebhookScheme::kGitHub, "It's a Secret to Everybody", headers, "Hello, World?", at(0)));
  EXPECT_FALSE(verify_webhook(WebhookScheme::kGitHub, "another", headers, "Hello, World!", at(0)));
}

TEST(WebhookSignature, SlacksExample) {
  const std::string body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name="
      "foobar&"
      "user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack."
      "com%2F"
      "commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
      "803a0bc887a14d10d2c447fce8b6703c";
  const net::Headers headers = {
      {"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
      {"X-Slack-Request-Timestamp", "1531420618"}};
  const std::string secret = "8f742231b10e8888abcd99yyyzzz85a5";
  EXPECT_TRUE(verify_webhook(WebhookScheme::kSlack, secret, headers, body, at(1531420618)));
  EXPECT_TRUE(verify_webhook(WebhookScheme::kSlack, secret, headers, body, at(1531420618 + 299)));
  const Status late = verify_webhook(WebhookScheme::kSlack, secret, headers, body, at(1531420618 + 301));
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message(), HasSubstr("too old"));
  EXPECT_FALSE(verify_webhook(WebhookScheme::kSlack, secret, headers, body, at(1531420618 - 301)));
}

TEST(WebhookSignature, StandardWebhooksExample) {
  const net::Headers headers = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                                {"webhook-timestamp", "1614265330"},
                                {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}};
  const std::string body = R"({"test": 2432232314})";
  for (const std::string& secret :
       std::vector<std::string>{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}) {
    EXPECT_TRUE(verify_webhook(WebhookScheme::kStandard, secret, headers, body, at(1614265330)));
    EXPECT_FALSE(verify_webhook(WebhookScheme::kStandard, secret, headers, body + " ", at(1614265330)));
  }
  EXPECT_FALSE(verify_webhook(WebhookScheme::kStandard, "whsec_%%", headers, body, at(1614265330)));
}

// printf '1492774577.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
TEST(WebhookSignature, StripeTakesAnyOfItsSignatures) {
  const std::string right = "2a55874e33dedb30da6fac02873208f53a243141599a71c0d52a1d5b89656823";
  const std::string body = R"({"a":1})";
  const net::Headers headers = {
      {"Stripe-Signature", "t=1492774577,v1=" + std::string(64, '0') + ",v1=" + right + ",v0=old"}};
  EXPECT_TRUE(verify_webhook(WebhookScheme::kStripe, "whsec_test", headers, body, at(1492774577)));
  EXPECT_FALSE(verify_webhook(WebhookScheme::kStripe, "whsec_test", headers, body, at(1492774577 + 600)));
  EXPECT_TRUE(
      verify_webhook(WebhookScheme::kStripe, "whsec_test", headers, body, at(1492774577 + 600), std::chrono::hours(1)));
  const net::Headers shifted = {{"Stripe-Signature", "t=1492774578,v1=" + right}};
  EXPECT_FALSE(verify_webhook(WebhookScheme::kStripe, "whsec_test", shifted, body, at(1492774577)))
      << "the time is signed";
  const net::Headers timeless = {{"Stripe-Signature", "v1=" + right}};
  EXPECT_FALSE(verify_webhook(WebhookScheme::kStripe, "whsec_test", timeless, body, at(1492774577)));
}

TEST(WebhookSignature, SecretsAsTheyAre) {
  const net::Headers gitlab = {{"X-Gitlab-Token", "s3cret"}}, bearer = {{"Authorization", "Bearer s3cret"}};
  EXPECT_TRUE(verify_webhook(WebhookScheme::kGitLab, "s3cret", gitlab, "", at(0)));
  EXPECT_FALSE(verify_webhook(WebhookScheme::kGitLab, "s3crets", gitlab, "", at(0)));
  EXPECT_TRUE(verify_webhook(WebhookScheme::kBearer, "s3cret", bearer, "", at(0)));
  EXPECT_FALSE(verify_webhook(WebhookScheme::kBearer, "s3cret", gitlab, "", at(0)));
}

TEST(WebhookSignature, NothingFitsAnEmptySecretAndNoReasonHasTheSecret) {
  for (const std::string_view name : webhook_scheme_names()) {
    const auto scheme = find_webhook_scheme(name);
    ASSERT_TRUE(scheme) << name;
    const net::Headers empty = {
        {"X-Gitlab-Token", ""}, {"Authorization", "Bearer "}, {"X-Hub-Signature-256", "sha256="}};
    EXPECT_FALSE(verify_webhook(*scheme, "", empty, "", at(0))) << name;
    const Status refused = verify_webhook(*scheme, "canary-secret", {}, "", at(0));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthorized);
    EXPECT_EQ(refused.error().message().find("canary"), std::string::npos) << name;
  }
  EXPECT_FALSE(find_webhook_scheme("nosuch"));
}

}  // namespace
}  // namespace squall::auth

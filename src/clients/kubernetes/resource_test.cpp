#include "clients/kubernetes/resource.hpp"

#include <gtest/gtest.h>

#include "value/json.hpp"

namespace squall::kubernetes {
namespace {

Value json(const char* text) { return parse_json(text).value(); }

TEST(Resource, PathsOfCoreAndGroups) {
  const ResourceId pods{"", "v1", "pods", "shop"};
  EXPECT_EQ(pods.path(), "/api/v1/namespaces/shop/pods");
  EXPECT_EQ(pods.path("a"), "/api/v1/namespaces/shop/pods/a");
  EXPECT_EQ(pods.display(), "pods");
  const ResourceId databases{"squall.dev", "v1alpha1", "databases", ""};
  EXPECT_EQ(databases.path(), "/apis/squall.dev/v1alpha1/databases");
  EXPECT_EQ(databases.path("a/b?", "status"), "/apis/squall.dev/v1alpha1/databases/a%2Fb%3F/status");
  EXPECT_EQ(databases.api_version(), "squall.dev/v1alpha1");
  EXPECT_EQ(databases.display(), "databases.squall.dev");
}

TEST(Resource, ApiVersions) {
  EXPECT_EQ(parse_api_version("v1")->version, "v1");
  EXPECT_EQ(parse_api_version("apps/v1")->group, "apps");
  for (const char* bad : {"", "/v1", "apps/", "a/b/c"}) EXPECT_FALSE(parse_api_version(bad)) << bad;
}

TEST(Resource, ErrorsTellReasonCodeAndTheCausesThatTheMessageLacks) {
  const Error error = error_of_status(
      json(R"({"kind":"Status","message":"Apply failed with 1 conflict","reason":"Conflict","code":409,
               "details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"curl\"","field":".spec.a"},
                                    {"message":"1 conflict","field":"x"}]}})"),
      409);
  EXPECT_EQ(error.code(), ErrorCode::kConflict);
  EXPECT_EQ(error.type(), "Conflict");
  EXPECT_EQ(error.http_status(), 409);
  EXPECT_EQ(error.message(), "Apply failed with 1 conflict; .spec.a: conflict with \"curl\"");
}

TEST(Resource, ErrorsOfAnswersThatAreNoStatus) {
  const Error error = error_of_status(Value(), 502, "Bad gateway, sorry");
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_EQ(error.type(), "HTTP502");
  EXPECT_EQ(error.message(), "HTTP status 502: Bad gateway, sorry");
  EXPECT_EQ(error_of_status(Value(), 404, "404 page not found").type(), "NotFound");
}

TEST(Resource, ExpiredHasThreeForms) {
  EXPECT_TRUE(is_expired(error_of_status(json(R"({"kind":"Status","reason":"Expired","code":410})"), 200)));
  EXPECT_TRUE(is_expired(error_of_status(json(R"({"kind":"Status","reason":"Gone"})"), 200)));
  EXPECT_TRUE(is_expired(error_of_status(Value(), 410)));
  EXPECT_FALSE(is_expired(error_of_status(Value(), 404)));
}

TEST(Resource, RetryAfterFromHeaderOrBody) {
  ApiAnswer answer;
  EXPECT_FALSE(retry_after_of(answer));
  answer.body = json(R"({"details":{"retryAfterSeconds":2}})");
  EXPECT_EQ(retry_after_of(answer), std::chrono::seconds(2));
  answer.headers.set("retry-after", "7");
  EXPECT_EQ(retry_after_of(answer), std::chrono::seconds(7));
}

TEST(Resource, ItemsGetTheKindOfTheirList) {
  const List items =
      items_of(json(R"({"kind":"PodList","apiVersion":"v1","items":[{"a":1},{"kind":"X","apiVersion":"y/v1"}]})"));
  EXPECT_EQ(items[0]["kind"].string(), "Pod");
  EXPECT_EQ(items[0]["apiVersion"].string(), "v1");
  EXPECT_EQ(items[1]["kind"].string(), "X");
  EXPECT_EQ(items[1]["apiVersion"].string(), "y/v1");
  EXPECT_TRUE(items_of(json(R"({"kind":"PodList","items":null})")).empty());
}

TEST(Resource, DiscoveryLeavesSubresourcesOut) {
  const auto found = parse_resource_list(json(
      R"({"groupVersion":"squall.dev/v1alpha1","resources":[
          {"name":"databases","kind":"Database","namespaced":true},{"name":"databases/status","kind":"Database"}]})"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id.path("x"), "/apis/squall.dev/v1alpha1/databases/x");
  EXPECT_EQ(found[0].kind, "Database");
  EXPECT_TRUE(found[0].namespaced);
}

}  // namespace
}  // namespace squall::kubernetes

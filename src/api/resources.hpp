// What calls are about, for RouteAccess: the uids that grants of roles name.
#pragma once

#include <string>
#include <string_view>

#include "api/route_access.hpp"
#include "api/router.hpp"
#include "auth/rbac.hpp"
#include "engine/engine.hpp"

namespace squall::api {

struct ContentKind;

// Of documents.
auth::Resource resource_of_content(std::string_view type, const Value& document);
auth::Resource resource_of_execution(const Value& execution);
auth::Resource resource_of_rule(const Value& rule);

// Of calls: the content that a path parameter names.
ResourceOf named_content(engine::Engine& engine, const ContentKind& kind, const char* parameter = "id");
ResourceOf named_rule(engine::Engine& engine);
ResourceOf named_execution(engine::Engine& engine);
// What belongs to a rule or a trigger, by the id in the path.
ResourceOf named_enforcement(engine::Engine& engine);
ResourceOf named_trigger_instance(engine::Engine& engine);
// The pack whose config or config schema a path names, whether it has one or not.
ResourceOf named_pack(const char* parameter);
// "webhook:sample" for /webhooks/sample.
ResourceOf named_webhook();
// Content that the body makes: its `pack` and `name`.
ResourceOf content_in_body(std::string_view type);
// The action that member `member` of the body refers to.
ResourceOf action_in_body(engine::Engine& engine, const char* member);
auth::Resource resource_of_action_ref(engine::Engine& engine, const std::string& ref);

// Content that is replaced under another name is made there: who replaces it needs that permission, too.
Status check_new_name(const Call& call, std::string_view type, const Value& old, const Value& replacement);

// The record with the id; else StackStorm's error for an unknown one.
Result<Value> find_record(engine::Engine& engine, store::Collection collection, const std::string& id);
// The execution that a path names by its id or as "last".
Result<Value> find_execution(engine::Engine& engine, const std::string& id);

}  // namespace squall::api

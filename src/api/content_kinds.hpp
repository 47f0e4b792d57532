// The kinds of registered content as the API lists them. Shared by the files of their routes.
#pragma once

#include <string>
#include <string_view>

#include "api/listing.hpp"
#include "engine/engine.hpp"

namespace squall::api {

struct ContentKind {
  const char* path;
  store::Collection collection;
  std::span<const std::string_view> attributes;
  std::span<const std::string_view> always;
  std::span<const std::string_view> excludable;
  std::span<const ContentFilter> filters;
  const char* what;      // in "Resource with a ... not found"
  const char* title;     // in the summary of its routes
  const char* resource;  // its type in grants of roles
  const char* database;  // StackStorm's name of its table, which its message about a conflict has
};

extern const ContentKind kActionKind, kRunnerTypeKind, kPackKind, kSensorKind, kTriggerTypeKind, kTriggerKind,
    kAliasKind, kPolicyKind;

ListSpec spec_of(const ContentKind& kind);

// GET of the list and of one document, which StackStorm shows whole.
void add_content_views(Router& router, engine::Engine& engine, const ContentKind& kind);

// Null after the request has been answered with 404.
const Value* find_or_fail(engine::Engine& engine, const ContentKind& kind, const Call& call, const std::string& id);

// Core and packs belong to the server itself.
Status check_changeable_pack(std::string_view pack);

// What {id} names, when it may be changed; null after the request has been answered with 404 or 400.
const Value* find_changeable_or_fail(engine::Engine& engine, const ContentKind& kind, const Call& call);

// A document of content that came through the API: ref, uid, and the id of the one it replaces. Checked for conflicts.
Result<Value> identified(engine::Engine& engine, const ContentKind& kind, Value document, const Value* replaced);

// Stores a document and answers with it.
void store_content(engine::Engine& engine, const ContentKind& kind, const Call& call, Value document, int status);
// Removes the document that {id} names and answers 204.
void remove_content(engine::Engine& engine, const ContentKind& kind, const Call& call);

}  // namespace squall::api

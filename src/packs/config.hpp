// The config of a pack as its actions see it: StackStorm's ContentPackConfigLoader (stackstorm-features.md section N,
// recorded in tests/conformance/config_dynamic.json).
#pragma once

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::packs {

// `schema_attributes` is the content of config.schema.yaml and may be null; `values` is the registered config and may
// be null; `st2kv` is the namespace of templates, a dict with "system" and "user".
//
// First every text with a template is rendered, where an empty result becomes null; then defaults fill what is missing.
// Defaults are not rendered, as in StackStorm. Errors name the key and have StackStorm's exception class as type().
// A template for an attribute with `secret: true` stands for an encrypted value of the datastore; the datastore here
// holds no encrypted values yet, so that such a template is an error (of code kUnavailable) unless it renders to
// nothing.
Result<Value> resolve_config(const Value& schema_attributes, const Value& values, const Value& st2kv);

}  // namespace squall::packs

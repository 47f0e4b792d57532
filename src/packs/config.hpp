// The config of a pack as its actions see it: StackStorm's ContentPackConfigLoader (stackstorm-features.md section N,
// recorded in tests/conformance/config_dynamic.json).
#pragma once

#include <string>

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

// Do values that are given through the API fit the schema? The error is StackStorm's; it names `path`, the file they
// go to, and never a secret.
Status check_config(const Value& values, const Value& schema_attributes, const std::string& pack,
                    const std::string& path);

}  // namespace squall::packs

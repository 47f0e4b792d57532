// The config of a pack as its actions see it: StackStorm's ContentPackConfigLoader (stackstorm-features.md section N,
// recorded in tests/conformance/config_dynamic.json).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "value/value.hpp"

namespace squall::packs {

// `pack` is named in errors; `schema_attributes` is the content of config.schema.yaml and may be null; `values` is the
// registered config and may be null; `st2kv` is the namespace of templates, a dict with "system" and "user".
//
// First every text with a template is rendered, where an empty result becomes null; then defaults fill what is missing.
// Defaults are not rendered, as in StackStorm. Errors name the key and have StackStorm's exception class as type().
// A template for an attribute with `secret: true` stands for an encrypted value of the datastore: what it renders to is
// decrypted, unless it is nothing. Without `decrypt` it is an error of code kUnavailable.
using DecryptText = std::function<Result<Value>(std::string_view stored)>;
Result<Value> resolve_config(std::string_view pack, const Value& schema_attributes, const Value& values,
                             const Value& st2kv, const DecryptText& decrypt = {});

// Do values that are given through the API fit the schema? The error is StackStorm's; it names `path`, the file they
// go to, and never a secret.
Status check_config(const Value& values, const Value& schema_attributes, const std::string& pack,
                    const std::string& path);

// The values with what stands masked in them ("********", as the API shows secrets) taken from `stored`: who reads a
// config, changes it and sends it back does not lose its secrets.
Value keep_masked(const Value& given, const Value& stored);

}  // namespace squall::packs

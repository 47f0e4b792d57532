// `squall pack config`: values from the command line, or asked for on the terminal.
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/pack_commands.hpp"

namespace squall::cli {
namespace {

// A line from the terminal; nothing at its end. Secrets are not shown while they are typed.
Result<std::string> ask(const std::string& prompt, bool secret) {
  std::fputs(prompt.c_str(), stderr);
  std::fflush(stderr);
  termios before{};
  const bool hide = secret && ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (hide) {
    termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  }
  std::string line;
  const bool read = static_cast<bool>(std::getline(std::cin, line));
  if (hide) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::fputs("\n", stderr);
  }
  if (!read) return fail(ErrorCode::kCanceled, "the input ended; nothing was changed");
  return std::string(trim(line));
}

// Asks for every attribute again until the answer fits. An empty answer keeps what there is.
Status ask_for_values(const Value& attributes, const std::string& prefix, Value& values) {
  for (const auto& [name, schema] : attributes.as_dict()) {
    if (schema["properties"].is_dict()) {
      Value members = values[name].is_dict() ? values[name] : Value::empty_dict();
      SQ_CHECK(ask_for_values(schema["properties"], prefix + name + ".", members));
      if (!members.empty()) values.set(name, members);
      continue;
    }
    const bool secret = schema["secret"].bool_or(false);
    const Value& known = values.contains(name) ? values[name] : schema["default"];
    std::string prompt = prefix + name;
    if (schema["description"].is_string()) prompt += " (" + schema["description"].string() + ")";
    if (!known.is_null()) prompt += " [" + (secret ? "********" : cell_text(known)) + "]";
    while (true) {
      SQ_TRY(const std::string answer, ask(prompt + ": ", secret));
      if (answer.empty()) {
        if (!known.is_null() || !schema["required"].bool_or(false)) break;
        std::fputs("  a value is required\n", stderr);
        continue;
      }
      const auto parsed = parse_parameters({name + "=" + answer}, Value::dict({{name, schema}}));
      if (parsed) {
        values.set(name, (*parsed)[name]);
        break;
      }
      std::fprintf(stderr, "  %s\n", parsed.error().message().c_str());
    }
  }
  return {};
}

// Puts "a.b.c=text" into its place, by the type that the schema has for it.
Status set_value(const std::string& text, const Value& attributes, Value& values) {
  const size_t equals = text.find('=');
  const size_t dot = text.find('.');
  if (equals != std::string::npos && dot != std::string::npos && dot < equals &&
      !attributes.contains(text.substr(0, equals))) {
    const std::string name = text.substr(0, dot);
    if (attributes.is_dict() && !attributes.contains(name))
      return fail(ErrorCode::kInvalid, "config.schema.yaml has no \"" + name + "\"");
    Value members = values[name].is_dict() ? values[name] : Value::empty_dict();
    SQ_CHECK(set_value(text.substr(dot + 1), attributes[name]["properties"], members));
    values.set(name, members);
    return {};
  }
  SQ_TRY(const Value parsed, parse_parameters({text}, attributes));
  for (const auto& [name, value] : parsed.as_dict()) values.set(name, value);
  return {};
}

}  // namespace

int configure_pack(ApiClient& api, const Format& format, const std::string& pack,
                   const std::vector<std::string>& given) {
  const auto schema = api.get("/config_schemas/" + percent_encode(pack));
  if (!schema && schema.error().code() != ErrorCode::kNotFound) return report(schema.error());
  const Value attributes = schema ? (*schema)["attributes"] : Value();
  const auto before = api.get("/configs/" + percent_encode(pack));  // secrets stay as they are: keep_masked()
  Value values = before && (*before)["values"].is_dict() ? (*before)["values"] : Value::empty_dict();
  if (given.empty() && !attributes.is_dict()) {
    return report(Error(ErrorCode::kNotFound, "the pack \"" + pack +
                                                  "\" is not registered, or has no config.schema.yaml to ask by; "
                                                  "name=value sets a value all the same"));
  }
  if (given.empty()) {
    if (const Status asked = ask_for_values(attributes, "", values); !asked) return report(asked.error());
  }
  for (const std::string& text : given) {
    if (const Status set = set_value(text, attributes, values); !set) return report(set.error());
  }
  const auto stored = api.put("/configs/" + percent_encode(pack), values);
  if (!stored) return report(stored.error());
  if (format.is_table()) {
    std::printf("the config of %s is stored\n", pack.c_str());
  } else {
    print_one(format, *stored, {});
  }
  return 0;
}

}  // namespace squall::cli

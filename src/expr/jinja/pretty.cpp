#include "expr/jinja/pretty.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "expr/jinja/filters.hpp"
#include "expr/jinja/methods.hpp"
#include "expr/python/text.hpp"
#include "value/python.hpp"

namespace squall::expr::jinja {

namespace {

constexpr int kWidth = 80;

class PrettyPrinter {
 public:
  explicit PrettyPrinter(Runtime& rt) : rt_(rt) {}

  Result<std::string> run(const Value& value) {
    SQ_CHECK(format(value, 0, 0, 0));
    return std::move(out_);
  }

 private:
  // Dicts are shown sorted by key.
  Result<Value> sorted(const Value& value) {
    SQ_TRY(const Nested nested, Nested::enter(rt_));
    const Value& now = rt_.resolve(value);
    if (rt_.is_mapping(now)) {
      Mapping::Entries entries = dict_entries(now);
      List keys;
      List pairs;
      for (const auto& [key, member] : entries) {
        SQ_TRY(Value inner, sorted(member));
        keys.push_back(key);
        pairs.push_back(Value::tuple({key, std::move(inner)}));
      }
      // Kinds that cannot be compared keep their order: Python falls back to their type's name then.
      if (!sort_by_keys(rt_, pairs, keys, false)) {
        std::stable_sort(pairs.begin(), pairs.end(),
                         [](const Value& a, const Value& b) { return a[0].type_name() < b[0].type_name(); });
      }
      entries.clear();
      for (const Value& pair : pairs) entries.emplace_back(pair[0], pair[1]);
      return dict_of(rt_, entries);
    }
    if (now.is_list() || now.kind() == Kind::kTuple) {
      List items;
      for (const Value& item : now.as_list()) {
        SQ_TRY(Value inner, sorted(item));
        items.push_back(std::move(inner));
      }
      return now.is_list() ? Value(std::move(items)) : Value::tuple(std::move(items));
    }
    return now;
  }

  Result<std::string> repr(const Value& value) {
    SQ_TRY(const Value in_order, sorted(value));
    return rt_.repr(in_order);
  }

  static int length(std::string_view text) { return static_cast<int>(utf8_length(text)); }

  Status format(const Value& value, int indent, int allowance, int level) {
    SQ_TRY(const Nested nested, Nested::enter(rt_));
    SQ_TRY(const std::string shown, repr(value));
    SQ_CHECK(rt_.charge_text(out_.size() + shown.size()));
    const Value now = rt_.resolve(value);
    if (length(shown) > kWidth - indent - allowance) {
      if (now.is_string()) return format_text(now.as_string(), shown, indent, allowance, level + 1);
      if (now.is_list()) return format_items(now.as_list(), "[", "]", indent, allowance, level + 1);
      if (now.kind() == Kind::kTuple) {
        return format_items(now.as_list(), "(", now.size() == 1 ? ",)" : ")", indent, allowance, level + 1);
      }
      if (rt_.is_mapping(now)) return format_dict(now, indent, allowance, level + 1);
    }
    out_ += shown;
    return {};
  }

  Status format_items(const List& items, std::string_view open, std::string_view close, int indent, int allowance,
                      int level) {
    out_ += open;
    const std::string separator = ",\n" + std::string(static_cast<size_t>(indent) + 1, ' ');
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += separator;
      const bool last = i + 1 == items.size();
      SQ_CHECK(format(items[i], indent + 1, last ? allowance + static_cast<int>(close.size()) : 1, level));
    }
    out_ += close;
    return {};
  }

  Status format_dict(const Value& dict, int indent, int allowance, int level) {
    SQ_TRY(const Value in_order, sorted(dict));
    const Mapping::Entries entries = dict_entries(in_order);
    out_ += "{";
    const std::string separator = ",\n" + std::string(static_cast<size_t>(indent) + 1, ' ');
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += separator;
      SQ_TRY(const std::string key, repr(entries[i].first));
      out_ += key + ": ";
      const bool last = i + 1 == entries.size();
      SQ_CHECK(format(entries[i].second, indent + 1 + length(key) + 2, last ? allowance + 1 : 1, level));
    }
    out_ += "}";
    return {};
  }

  // Words with the blanks behind them.
  static std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> parts;
    while (!line.empty()) {
      size_t end = 0;
      bool blank = false;
      for (size_t at = 0; at < line.size(); end = at) {
        size_t next = at;
        const bool is_blank = py::is_space(next_code_point(line, next));
        if (blank && !is_blank) break;
        blank = is_blank;
        at = next;
      }
      parts.push_back(line.substr(0, end));
      line.remove_prefix(end);
    }
    return parts;
  }

  Status format_text(std::string_view text, const std::string& whole, int indent, int allowance, int level) {
    if (text.empty()) {
      out_ += whole;
      return {};
    }
    if (level == 1) {
      ++indent;
      ++allowance;
    }
    const int width = kWidth - indent;
    std::vector<std::string> chunks;
    const auto lines = py::split_lines(text, true);
    const auto shown = [](std::string_view part) { return python::repr(Value(part)); };
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool last_line = i + 1 == lines.size();
      std::string line = shown(lines[i]);
      if (length(line) <= width - (last_line ? allowance : 0)) {
        chunks.push_back(std::move(line));
        continue;
      }
      std::string current;
      const auto parts = words(lines[i]);
      for (size_t j = 0; j < parts.size(); ++j) {
        const int room = width - (last_line && j + 1 == parts.size() ? allowance : 0);
        const std::string candidate = current + std::string(parts[j]);
        SQ_CHECK(rt_.charge(1 + candidate.size() / 64));
        if (length(shown(candidate)) <= room) {
          current = candidate;
          continue;
        }
        if (!current.empty()) chunks.push_back(shown(current));
        current = std::string(parts[j]);
      }
      if (!current.empty()) chunks.push_back(shown(current));
    }
    if (chunks.size() == 1) {
      out_ += whole;
      return {};
    }
    if (level == 1) out_ += "(";
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i > 0) out_ += "\n" + std::string(static_cast<size_t>(indent), ' ');
      out_ += chunks[i];
    }
    if (level == 1) out_ += ")";
    return {};
  }

  Runtime& rt_;
  std::string out_;
};

}  // namespace

Result<std::string> pretty_format(Runtime& rt, const Value& value) { return PrettyPrinter(rt).run(value); }

}  // namespace squall::expr::jinja

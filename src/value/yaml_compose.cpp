// libyaml's events -> node graph, with the checks and words of PyYAML's CParser.
#include <fmt/format.h>
#include <yaml.h>

#include <map>

#include "base/limits.hpp"
#include "value/yaml_nodes.hpp"

namespace squall::yaml {

std::string_view Node::id() const {
  switch (kind) {
    case Kind::kScalar: return "scalar";
    case Kind::kSequence: return "sequence";
    case Kind::kMapping: return "mapping";
  }
  return "";
}

std::string core_tag(std::string_view name) { return std::string(kTagPrefix) + std::string(name); }

namespace {

Mark to_mark(const yaml_mark_t& mark) { return {static_cast<int>(mark.line), static_cast<int>(mark.column)}; }

std::string to_text(const yaml_char_t* text) { return text == nullptr ? "" : reinterpret_cast<const char*>(text); }

// A libyaml event that frees itself.
class Event {
 public:
  Event() = default;
  ~Event() { yaml_event_delete(&event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t* operator->() { return &event_; }
  yaml_event_t* get() { return &event_; }

 private:
  yaml_event_t event_{};
};

class Composer {
 public:
  Composer(std::string_view text, const YamlOptions& options) : options_(options) {
    created_ = yaml_parser_initialize(&parser_) != 0;
    if (!created_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Composer() {
    if (created_) yaml_parser_delete(&parser_);
  }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;

  Result<std::deque<Document>> run(bool single) {
    if (!created_) return fail(ErrorCode::kInternal, "libyaml: out of memory");
    std::deque<Document> documents;
    while (true) {
      Event event;
      SQ_CHECK(next(event));
      if (event->type == YAML_STREAM_END_EVENT) return documents;
      if (event->type != YAML_DOCUMENT_START_EVENT) continue;  // stream start, document end
      if (single && !documents.empty()) {
        return fail(make_error({"ComposerError", "but found another document", to_mark(event->start_mark),
                                "expected a single document in the stream", documents.front().root->mark},
                               options_));
      }
      document_ = &documents.emplace_back();
      anchors_.clear();
      Event first;
      SQ_CHECK(next(first));
      SQ_TRY(document_->root, node(first, 0));
    }
  }

 private:
  Status next(Event& event) {
    if (yaml_parser_parse(&parser_, event.get()) != 0) return {};
    Fault fault;
    fault.problem = parser_.problem == nullptr ? "unknown problem" : parser_.problem;
    if (parser_.error == YAML_MEMORY_ERROR) return fail(ErrorCode::kInternal, "libyaml: out of memory");
    if (parser_.error == YAML_READER_ERROR) {
      fault.type = "ReaderError";
      fault.problem = fmt::format("unacceptable character #x{:04x}: {}\n  in \"<unicode string>\", position {}",
                                  parser_.problem_value, fault.problem, parser_.problem_offset);
      fault.where = to_mark(parser_.mark);
      return fail(make_error(fault, options_));
    }
    fault.type = parser_.error == YAML_SCANNER_ERROR ? "ScannerError" : "ParserError";
    fault.mark = to_mark(parser_.problem_mark);
    if (parser_.context != nullptr) {
      fault.context = parser_.context;
      fault.context_mark = to_mark(parser_.context_mark);
    }
    return fail(make_error(fault, options_));
  }

  Error limit(std::string message, const Mark& mark) {
    Fault fault{"RecursionError", std::move(message), mark};
    const Error error = make_error(fault, options_);
    return Error(ErrorCode::kLimit, error.message(), error.where()).with_type(error.type());
  }

  // `event` is the node's first.
  Result<Node*> node(Event& event, size_t depth) {
    const Mark mark = to_mark(event->start_mark);
    if (event->type == YAML_ALIAS_EVENT) {
      const auto found = anchors_.find(to_text(event->data.alias.anchor));
      if (found == anchors_.end()) return fail(make_error({"ComposerError", "found undefined alias", mark}, options_));
      return found->second;
    }
    if (depth > limits::kYamlDepthMax) {
      return fail(limit(fmt::format("YAML is nested deeper than {} levels", limits::kYamlDepthMax), mark));
    }
    Node& made = document_->nodes.emplace_back();
    made.mark = mark;
    switch (event->type) {
      case YAML_SCALAR_EVENT: {
        SQ_CHECK(add_anchor(event->data.scalar.anchor, made));
        fill_scalar(made, *event.get());
        return &made;
      }
      case YAML_SEQUENCE_START_EVENT: {
        SQ_CHECK(add_anchor(event->data.sequence_start.anchor, made));
        made.kind = Node::Kind::kSequence;
        made.tag = container_tag(event->data.sequence_start.tag, "seq");
        SQ_CHECK(fill_sequence(made, depth));
        return &made;
      }
      default: {
        SQ_CHECK(add_anchor(event->data.mapping_start.anchor, made));
        made.kind = Node::Kind::kMapping;
        made.tag = container_tag(event->data.mapping_start.tag, "map");
        SQ_CHECK(fill_mapping(made, depth));
        return &made;
      }
    }
  }

  // Before the children are read: an alias inside may mean its own parent.
  Status add_anchor(const yaml_char_t* anchor, Node& made) {
    if (anchor == nullptr) return {};
    const auto [known, added] = anchors_.emplace(to_text(anchor), &made);
    if (added) return {};
    return fail(make_error({"ComposerError", "second occurrence", made.mark, "found duplicate anchor; first occurrence",
                            known->second->mark},
                           options_));
  }

  static void fill_scalar(Node& made, const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    made.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    made.tag = to_text(scalar.tag);
    if (!made.tag.empty() && made.tag != "!") return;
    made.tag = scalar.plain_implicit != 0 ? resolve_plain(made.text) : core_tag("str");
  }

  static std::string container_tag(const yaml_char_t* tag, std::string_view fallback) {
    std::string text = to_text(tag);
    return text.empty() || text == "!" ? core_tag(fallback) : text;
  }

  Status grow(Node& parent, const Node& child) {
    parent.expanded_size += child.expanded_size;
    if (parent.expanded_size <= limits::kYamlAliasNodesMax) return {};
    return fail(limit(fmt::format("aliases expand to more than {} nodes", limits::kYamlAliasNodesMax), parent.mark));
  }

  Status fill_sequence(Node& made, size_t depth) {
    while (true) {
      Event event;
      SQ_CHECK(next(event));
      if (event->type == YAML_SEQUENCE_END_EVENT) return {};
      SQ_TRY(Node* const item, node(event, depth + 1));
      made.items.push_back(item);
      SQ_CHECK(grow(made, *item));
    }
  }

  Status fill_mapping(Node& made, size_t depth) {
    while (true) {
      Event first;
      SQ_CHECK(next(first));
      if (first->type == YAML_MAPPING_END_EVENT) return {};
      SQ_TRY(Node* const key, node(first, depth + 1));
      Event second;
      SQ_CHECK(next(second));
      SQ_TRY(Node* const value, node(second, depth + 1));
      made.members.emplace_back(key, value);
      SQ_CHECK(grow(made, *key));
      SQ_CHECK(grow(made, *value));
    }
  }

  const YamlOptions& options_;
  yaml_parser_t parser_{};
  bool created_ = false;
  Document* document_ = nullptr;
  std::map<std::string, Node*, std::less<>> anchors_;
};

}  // namespace

Error make_error(const Fault& fault, const YamlOptions& options) {
  const auto as_pair = [](const std::optional<Mark>& mark) {
    return mark ? std::optional(std::pair(mark->line, mark->column)) : std::nullopt;
  };
  if (options.problem != nullptr) {
    *options.problem = {fault.type, fault.problem, fault.context, as_pair(fault.mark), as_pair(fault.context_mark)};
  }
  std::string message = fault.problem.substr(0, fault.problem.find('\n'));
  if (!fault.context.empty()) {
    message += ", " + fault.context;
    const bool elsewhere =
        fault.context_mark && fault.mark &&
        (fault.context_mark->line != fault.mark->line || fault.context_mark->column != fault.mark->column);
    if (elsewhere) {
      message += fmt::format(" (line {}, column {})", fault.context_mark->line + 1, fault.context_mark->column + 1);
    }
  }
  SourcePosition where{options.file};
  if (const std::optional<Mark> mark = fault.mark ? fault.mark : fault.where) {
    where.line = mark->line + 1;
    where.column = mark->column + 1;
  }
  return Error(ErrorCode::kInvalid, std::move(message), std::move(where)).with_type(fault.type);
}

Result<std::deque<Document>> compose(std::string_view text, const YamlOptions& options, bool single) {
  return Composer(text, options).run(single);
}

}  // namespace squall::yaml

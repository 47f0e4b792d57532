// Which names a template takes from its context: Jinja's idtracking.py, whose rules decide in which cases a name that
// is also assigned counts.
#include <map>
#include <optional>
#include <set>

#include "expr/jinja/analysis.hpp"
#include "expr/jinja/ast_walk.hpp"

namespace squall::expr::jinja {

namespace {

enum class Load : uint8_t { kParameter, kResolve, kAlias, kUndefined };

// The names of one frame. A name is known by an identifier made of its level and itself.
struct Symbols {
  const Symbols* parent = nullptr;
  int level = 0;
  std::map<std::string, std::string> refs;                    // name -> identifier
  std::map<std::string, std::pair<Load, std::string>> loads;  // identifier -> how it gets its value
  std::set<std::string> stores;

  explicit Symbols(const Symbols* outer) : parent(outer), level(outer != nullptr ? outer->level + 1 : 0) {}

  const std::string* find_ref(const std::string& name) const {
    for (const Symbols* at = this; at != nullptr; at = at->parent) {
      if (const auto found = at->refs.find(name); found != at->refs.end()) return &found->second;
    }
    return nullptr;
  }

  void define(const std::string& name, Load load, std::string from = {}) {
    const std::string identifier = std::to_string(level) + "_" + name;
    refs[name] = identifier;
    loads[identifier] = {load, std::move(from)};
  }

  void declare_parameter(const std::string& name) {
    stores.insert(name);
    define(name, Load::kParameter);
  }

  void store(const std::string& name) {
    stores.insert(name);
    if (refs.contains(name)) return;
    const std::string* outer = parent != nullptr ? parent->find_ref(name) : nullptr;
    if (outer != nullptr) {
      define(name, Load::kAlias, *outer);
    } else {
      define(name, Load::kUndefined);
    }
  }

  void load(const std::string& name) {
    if (find_ref(name) == nullptr) define(name, Load::kResolve, name);
  }

  // Takes over what the branches of an if did. A name that a branch alone assigns may still come from outside.
  void merge_branches(const std::vector<Symbols>& branches) {
    std::set<std::string> added;
    for (const Symbols& branch : branches) added.insert(branch.stores.begin(), branch.stores.end());
    for (const std::string& name : stores) added.erase(name);
    for (const Symbols& branch : branches) {
      for (const auto& [name, identifier] : branch.refs) refs[name] = identifier;
      for (const auto& [identifier, how] : branch.loads) loads[identifier] = how;
      stores.insert(branch.stores.begin(), branch.stores.end());
    }
    for (const std::string& name : added) {
      const std::string* target = find_ref(name);
      const std::string* outer = parent != nullptr ? parent->find_ref(name) : nullptr;
      loads[*target] = outer != nullptr ? std::pair(Load::kAlias, *outer) : std::pair(Load::kResolve, name);
    }
  }
};

class Analyzer {
 public:
  std::set<std::string> undeclared;
  HiddenNames hidden;

  void analyze_template(const Body& body) {
    Symbols root(nullptr);
    root.declare_parameter("self");
    inner_frame(root, body);
  }

 private:
  // --- What a frame itself sees (FrameSymbolVisitor) -------------------------------------------------------------

  static void scan(Symbols& symbols, const Expr& expr) {
    if (expr.kind == ExprKind::kName) symbols.load(static_cast<const NameExpr&>(expr).name);
    if (expr.kind == ExprKind::kNamespaceRef) symbols.load(static_cast<const NamespaceRefExpr&>(expr).name);
    for_each_part(expr, [&](const Expr& part) { scan(symbols, part); });
  }

  static void scan_target(Symbols& symbols, const Expr& target) {
    if (target.kind == ExprKind::kNamespaceRef) symbols.load(static_cast<const NamespaceRefExpr&>(target).name);
    if (target.kind == ExprKind::kTuple) {
      for (const ExprPtr& item : static_cast<const SequenceExpr&>(target).items) scan_target(symbols, *item);
    }
    if (target.kind == ExprKind::kName) symbols.store(static_cast<const NameExpr&>(target).name);
  }

  static void scan(Symbols& symbols, const Body& body) {
    for (const StmtPtr& stmt : body) scan(symbols, *stmt);
  }

  static void scan_if(Symbols& symbols, const IfStmt& statement) {
    scan(symbols, *statement.branches.front().first);
    const auto branch = [&](const Body& body) {
      Symbols copy = symbols;
      scan(copy, body);
      return copy;
    };
    std::vector<Symbols> branches{branch(statement.branches.front().second)};
    // All elifs together are one branch, each an if of its own in there.
    Symbols elifs = symbols;
    for (size_t i = 1; i < statement.branches.size(); ++i) {
      scan(elifs, *statement.branches[i].first);
      Symbols inner = elifs;
      scan(inner, statement.branches[i].second);
      elifs.merge_branches({inner});
    }
    branches.push_back(std::move(elifs));
    branches.push_back(branch(statement.otherwise));
    symbols.merge_branches(branches);
  }

  static void scan(Symbols& symbols, const Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::kIf: scan_if(symbols, static_cast<const IfStmt&>(stmt)); break;
      case StmtKind::kFor: scan(symbols, *static_cast<const ForStmt&>(stmt).iterable); break;
      case StmtKind::kOutput: scan(symbols, *static_cast<const OutputStmt&>(stmt).value); break;
      case StmtKind::kSet:
        scan(symbols, *static_cast<const SetStmt&>(stmt).value);
        scan_target(symbols, *static_cast<const SetStmt&>(stmt).target);
        break;
      case StmtKind::kSetBlock:
        scan_target(symbols, *static_cast<const SetBlockStmt&>(stmt).target);
        if (const auto& filter = static_cast<const SetBlockStmt&>(stmt).filter) scan(symbols, *filter);
        break;
      case StmtKind::kMacro: symbols.store(static_cast<const MacroStmt&>(stmt).name); break;
      case StmtKind::kCallBlock: scan(symbols, *static_cast<const CallBlockStmt&>(stmt).call); break;
      case StmtKind::kFilterBlock: scan(symbols, *static_cast<const FilterBlockStmt&>(stmt).filter); break;
      case StmtKind::kWith:
        for (const auto& [target, value] : static_cast<const WithStmt&>(stmt).bindings) scan(symbols, *value);
        break;
      case StmtKind::kLoad:
        scan(symbols, *static_cast<const LoadStmt&>(stmt).source);
        for (const std::string& name : static_cast<const LoadStmt&>(stmt).names) symbols.store(name);
        break;
      case StmtKind::kText:
      case StmtKind::kBlock:
      case StmtKind::kAutoescape: break;  // frames of their own
    }
  }

  static void declare_targets(Symbols& symbols, const Expr& target) {
    for_each_target_name(target, [&](const std::string& name, Place) { symbols.declare_parameter(name); });
  }

  // --- The frames inside (CodeGenerator) ---------------------------------------------------------------------------

  void finish(const Symbols& symbols) {
    for (const auto& [identifier, how] : symbols.loads) {
      if (how.first == Load::kResolve && !is_global_name(how.second)) undeclared.insert(how.second);
    }
  }

  void descend(const Symbols& symbols, const Body& body) {
    for (const StmtPtr& stmt : body) descend(symbols, *stmt);
  }

  void inner_frame(Symbols& symbols, const Body& body) {
    scan(symbols, body);
    finish(symbols);
    for (const auto& [name, identifier] : symbols.refs) {
      const auto how = symbols.loads.find(identifier);
      if (how != symbols.loads.end() && how->second.first == Load::kUndefined) hidden[&body].push_back(name);
    }
    descend(symbols, body);
  }

  void descend_for(const Symbols& outer, const ForStmt& loop) {
    if (loop.test) {
      Symbols symbols(&outer);
      declare_targets(symbols, *loop.target);
      scan(symbols, *loop.test);
      finish(symbols);
    }
    Symbols symbols(&outer);
    symbols.declare_parameter("loop");
    declare_targets(symbols, *loop.target);
    inner_frame(symbols, loop.body);
    Symbols otherwise(&outer);
    inner_frame(otherwise, loop.otherwise);
  }

  void descend_macro(const Symbols& outer, const MacroStmt& macro) {
    Symbols symbols(&outer);
    for (const std::string& name : macro.signature.names) symbols.declare_parameter(name);
    for (const ExprPtr& fallback : macro.signature.defaults) scan(symbols, *fallback);
    if (macro.uses_caller) symbols.declare_parameter("caller");
    if (macro.uses_kwargs) symbols.declare_parameter("kwargs");
    if (macro.uses_varargs) symbols.declare_parameter("varargs");
    inner_frame(symbols, macro.body);
  }

  void descend(const Symbols& outer, const Stmt& stmt) {
    switch (stmt.kind) {
      case StmtKind::kIf:
        for (const auto& [test, body] : static_cast<const IfStmt&>(stmt).branches) descend(outer, body);
        descend(outer, static_cast<const IfStmt&>(stmt).otherwise);
        break;
      case StmtKind::kFor: descend_for(outer, static_cast<const ForStmt&>(stmt)); break;
      case StmtKind::kMacro: descend_macro(outer, static_cast<const MacroStmt&>(stmt)); break;
      case StmtKind::kCallBlock: descend_macro(outer, *static_cast<const CallBlockStmt&>(stmt).caller); break;
      case StmtKind::kFilterBlock: {
        Symbols symbols(&outer);
        inner_frame(symbols, static_cast<const FilterBlockStmt&>(stmt).body);
        break;
      }
      case StmtKind::kSetBlock: {
        Symbols symbols(&outer);
        inner_frame(symbols, static_cast<const SetBlockStmt&>(stmt).body);
        break;
      }
      case StmtKind::kWith: {
        Symbols symbols(&outer);
        for (const auto& [target, value] : static_cast<const WithStmt&>(stmt).bindings) {
          declare_targets(symbols, *target);
        }
        inner_frame(symbols, static_cast<const WithStmt&>(stmt).body);
        break;
      }
      case StmtKind::kAutoescape: {
        Symbols symbols(&outer);
        scan(symbols, *static_cast<const AutoescapeStmt&>(stmt).enabled);
        inner_frame(symbols, static_cast<const AutoescapeStmt&>(stmt).body);
        break;
      }
      case StmtKind::kBlock: {
        // A block may be rendered from elsewhere: it sees the context only.
        Symbols symbols(nullptr);
        symbols.declare_parameter("self");
        symbols.declare_parameter("super");
        inner_frame(symbols, static_cast<const BlockStmt&>(stmt).body);
        break;
      }
      default: break;
    }
  }
};

}  // namespace

bool is_global_name(std::string_view name) {
  for (const std::string_view global : {"cycler", "dict", "joiner", "lipsum", "namespace", "range"}) {
    if (name == global) return true;
  }
  return false;
}

std::vector<std::string> find_undeclared(const Body& body) {
  Analyzer analyzer;
  analyzer.analyze_template(body);
  return {analyzer.undeclared.begin(), analyzer.undeclared.end()};
}

HiddenNames find_hidden(const Body& body) {
  Analyzer analyzer;
  analyzer.analyze_template(body);
  return std::move(analyzer.hidden);
}

}  // namespace squall::expr::jinja

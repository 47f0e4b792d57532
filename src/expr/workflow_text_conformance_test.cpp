#include "expr/workflow_text.hpp"
#include "value/conformance.hpp"

namespace squall::expr {
namespace {

void run_topic(const std::string& name) {
  SQ_LOAD_TOPIC(topic, name);
  conformance::Report report(name, topic);
  for (const Value& vector : topic["vectors"].as_list()) {
    WorkflowScope scope;
    scope.variables = conformance::decode_tagged(vector["context"]);
    report.judge(vector, evaluate_workflow_value(conformance::decode_tagged(vector["text"]), scope));
  }
  report.finish();
}

TEST(WorkflowTextConformance, Yaql) { run_topic("yaql_orquesta"); }
TEST(WorkflowTextConformance, Jinja) { run_topic("jinja_orquesta"); }

}  // namespace
}  // namespace squall::expr

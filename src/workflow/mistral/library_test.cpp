#include "workflow/mistral/library.hpp"

#include <gtest/gtest.h>

namespace squall::workflow::mistral {
namespace {

TEST(MistralLibrary, ErrorsSayWhere) {
  Library library;
  const Status status = library.upload(DocumentKind::kWorkflows, R"(version: '2.0'
wf:
  tasks:
    fine: {action: std.noop}
    bad:
      action: std.noop
      retry: {count: 1}
)",
                                       "flow.yaml");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "Invalid DSL: 'delay' is a required property");
  EXPECT_EQ(status.error().where().to_string(), "flow.yaml:7:7");

  const Status expression = library.upload(DocumentKind::kWorkflows, R"(version: '2.0'
wf:
  tasks:
    t:
      publish:
        x: <% ( %>
)",
                                           "flow.yaml");
  ASSERT_FALSE(expression);
  EXPECT_EQ(expression.error().type(), "YaqlGrammarException");
  EXPECT_EQ(expression.error().where().to_string(), "flow.yaml:5:7");
}

TEST(MistralLibrary, AllOfATextOrNothing) {
  Library library;
  EXPECT_FALSE(library.upload(DocumentKind::kWorkflows,
                              "version: '2.0'\na: {tasks: {t: {action: std.noop}}}\nb: {tasks: {t: {foo: 1}}}\n"));
  EXPECT_EQ(library.find_workflow("a"), nullptr);
}

TEST(MistralLibrary, ComesBackFromItsDocuments) {
  Library library;
  ASSERT_TRUE(library.upload(DocumentKind::kWorkbook, R"(version: '2.0'
name: wb
workflows: {main: {tasks: {t: {action: hello}}}}
actions: {hello: {base: std.echo, base-input: {output: hi}}}
)"));
  library.set_environment("prod", Value::dict({{"k", 1}}));
  const auto again = Library::from_documents(library.documents());
  ASSERT_TRUE(again);
  ASSERT_NE(again->find_workflow("wb.main"), nullptr);
  EXPECT_EQ(again->find_workflow("main", "wb"), again->find_workflow("wb.main"));
  EXPECT_NE(again->find_action("hello", "wb"), nullptr);
  EXPECT_EQ(*again->find_environment("prod"), Value::dict({{"k", 1}}));
}

}  // namespace
}  // namespace squall::workflow::mistral

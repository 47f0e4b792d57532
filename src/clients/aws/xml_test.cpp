#include "clients/aws/xml.hpp"

#include <gtest/gtest.h>

namespace squall::clients {
namespace {

TEST(Xml, ReadsAnAnswer) {
  const auto root = parse_xml(R"(<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment --><R xmlns="http://rds.amazonaws.com/doc/2014-10-31/" a='1'>
  <Name>a &lt;b&gt; &amp; &quot;c&apos; &#65;&#x1F600;</Name>
  <Empty/><Empty2></Empty2 >
  <Raw><![CDATA[<x> & ]] ]]></Raw>
  <List><member>1</member><?pi x?><member>2</member></List>
</R>
<!-- end -->)");
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(root->name, "R");
  EXPECT_EQ(root->text, "");
  ASSERT_EQ(root->children.size(), 5u);
  EXPECT_EQ(root->text_of("Name"), "a <b> & \"c' A\xF0\x9F\x98\x80");
  EXPECT_EQ(root->text_of("Empty"), "");
  EXPECT_EQ(root->text_of("Raw"), "<x> & ]] ");
  EXPECT_EQ(root->find("List")->children[1].text, "2");
  EXPECT_EQ(root->find("None"), nullptr);
  EXPECT_EQ(root->text_of("None"), "");
}

TEST(Xml, KeepsBlanksOfLeaves) {
  EXPECT_EQ(parse_xml("<a> x \n</a>")->text, " x \n");
  EXPECT_EQ(parse_xml("\xEF\xBB\xBF<a>x</a>")->text, "x");
}

TEST(Xml, RefusesWhatIsNotWellFormed) {
  for (const std::string& text : std::vector<std::string>{"",
                                                          "  ",
                                                          "text",
                                                          "<",
                                                          "<a",
                                                          "<a>",
                                                          "<a></b>",
                                                          "<a></a",
                                                          "<a/><b/>",
                                                          "<a/>x",
                                                          "<1/>",
                                                          "<a b/>",
                                                          "<a b=c/>",
                                                          "<a b=\"1/>",
                                                          "<a b=\"<\"/>",
                                                          "<a b=\"1\"c=\"2\"/>",
                                                          "<a>&nbsp;</a>",
                                                          "<a>&amp</a>",
                                                          "<a>&#0;</a>",
                                                          "<a>&#xD800;</a>",
                                                          "<a>&#x110000;</a>",
                                                          "<a>&#12x;</a>",
                                                          "<a>&;</a>",
                                                          "<a>& b</a>",
                                                          "<a><![CDATA[x</a>",
                                                          "<a><!-- x</a>",
                                                          "<a>\x01</a>",
                                                          "<a>\xFF</a>",
                                                          "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
                                                          "<a><!DOCTYPE b></a>",
                                                          "</a>",
                                                          "<a><b></a></b>",
                                                          "<a/><?xml version=\"1.0\"?><",
                                                          "<a>&#99999999999;</a>"}) {
    const auto result = parse_xml(text);
    EXPECT_FALSE(result) << text;
    if (!result) {
      EXPECT_EQ(result.error().code(), ErrorCode::kRemote);
    }
  }
}

TEST(Xml, DepthIsLimited) {
  std::string deep;
  for (size_t i = 0; i < kXmlDepthMax; ++i) deep += "<a>";
  std::string closing;
  for (size_t i = 0; i < kXmlDepthMax; ++i) closing += "</a>";
  EXPECT_TRUE(parse_xml(deep + closing));
  EXPECT_FALSE(parse_xml("<a>" + deep + closing + "</a>"));
  std::string bomb;
  for (int i = 0; i < 1'000'000; ++i) bomb += "<a>";
  EXPECT_FALSE(parse_xml(bomb));
}

TEST(Xml, EveryTruncationIsAnErrorAndNeverMore) {
  const std::string whole = "<?xml version=\"1.0\"?><a x=\"1\"><b>&amp;&#65;<![CDATA[c]]><!-- d --></b><e/></a>";
  ASSERT_TRUE(parse_xml(whole));
  for (size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(parse_xml(whole.substr(0, length))) << length;
}

}  // namespace
}  // namespace squall::clients

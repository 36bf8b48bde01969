#include "runtime/data/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/base/error.h"
#include "runtime/data/csv.h"
#include "tests/support/scratch_folder.h"

namespace trireme::data {
namespace {

using test::message_of;
using Words = std::vector<std::string>;

TEST(Csv, QuotesLineEndsAndMarks) {
  const std::string text =
      "\xef\xbb\xbf"
      "a,b,c\r\n\n1,\"two, \"\"2\"\"\nlines\",3\r\n\r\n,,\nlast,,";
  CsvReader reader(text, ',', "t.csv");
  std::vector<CsvRecord> records;
  while (auto record = reader.next()) records.push_back(*record);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].values, (Words{"a", "b", "c"}));
  EXPECT_EQ(records[1].values, (Words{"1", "two, \"2\"\nlines", "3"}));
  EXPECT_EQ(records[1].line, 3);
  EXPECT_EQ(records[2].values, (Words{"", "", ""}));
  EXPECT_EQ(records[2].line, 6);
  EXPECT_EQ(records[3].values, (Words{"last", "", ""}));
  CsvReader open("a\n\"b", ',', "t.csv");
  (void)open.next();
  EXPECT_NE(message_of<Error>([&] { (void)open.next(); }).find("t.csv: line 2"), std::string::npos);
}

class Tables : public testing::Test {
 protected:
  TableOptions options(const std::string& text) { return {.paths = {folder_.write("t.csv", text)}, .target = "kind"}; }
  std::string error(const std::string& text) {
    return message_of<Error>([&] { (void)read_table(options(text)); });
  }

  test::ScratchFolder folder_;
};

TEST_F(Tables, NumbersWordsAndClasses) {
  TableOptions from = options("id,size,colour,kind\nx,1.5,red,ten\ny, -2e1 ,blue,nine\nz,+3,red,nine\n");
  from.one_hot = {"colour"};
  from.leave_out = {"id"};
  const Table table = read_table(from);
  EXPECT_EQ(table.names, (Words{"size", "colour=blue", "colour=red"}));
  EXPECT_EQ(table.numbers, (std::vector<bool>{true, false, false}));
  EXPECT_EQ(table.values, (std::vector<float>{1.5f, 0, 1, -20, 1, 0, 3, 0, 1}));
  EXPECT_EQ(table.class_names, (Words{"nine", "ten"}));
  EXPECT_EQ(table.labels, (std::vector<std::int32_t>{1, 0, 0}));
  EXPECT_EQ(table.rows(), 3);
}

TEST_F(Tables, ClassesThatAreNumbersAreSortedAsNumbers) {
  EXPECT_EQ(read_table(options("a,kind\n1,10\n2,9\n3,10\n")).class_names, (Words{"9", "10"}));
}

TEST_F(Tables, WithoutAHeaderColumnsAreNumbered) {
  TableOptions from = options("1;2;3\n4;5;6\n");
  from.header = false;
  from.separator = ';';
  from.target = "2";
  from.classes = false;
  const Table table = read_table(from);
  EXPECT_EQ(table.targets, (std::vector<float>{2, 5}));
  EXPECT_EQ(table.values, (std::vector<float>{1, 3, 4, 6}));
  EXPECT_TRUE(table.labels.empty());
}

TEST_F(Tables, SeveralFilesAreOneTable) {
  folder_.write("many/1.csv", "a,kind\n1,x\n");
  folder_.write("many/2.csv", "a,kind\n2,y\n");
  TableOptions from{.paths = {folder_ / "many"}, .target = "kind"};
  EXPECT_EQ(read_table(from).values, (std::vector<float>{1, 2}));
  folder_.write("many/3.csv", "b,kind\n2,y\n");
  EXPECT_NE(message_of<Error>([&] { (void)read_table(from); }).find("3.csv: expected the columns of the files before"),
            std::string::npos);
}

TEST_F(Tables, WhatIsWrongIsNamedWithFileAndLine) {
  EXPECT_NE(error("a,kind\n1,x\ntwo,y\n").find("t.csv: line 3, column a: expected a number, found \"two\""),
            std::string::npos)
      << error("a,kind\n1,x\ntwo,y\n");
  EXPECT_NE(error("a,kind\n1,x\nnan,y\n").find("line 3"), std::string::npos);
  EXPECT_NE(error("a,kind\n1,x\n,y\n").find("found \"\""), std::string::npos);
  EXPECT_NE(error("a,kind\n1,x,2\n").find("line 2: expected 2 values, found 3"), std::string::npos);
  EXPECT_NE(error("a,kind\n1, \n").find("expected a class, found nothing"), std::string::npos);
  EXPECT_NE(error("a,b\n1,2\n").find("t.csv: expected a column kind, found a, b"), std::string::npos);
  EXPECT_NE(error("a,kind\n").find("no row is left"), std::string::npos);
  EXPECT_NE(error("").find("no row is left"), std::string::npos);
  EXPECT_NE(error("kind\nx\n").find("no column is left"), std::string::npos);
}

TEST_F(Tables, BadRowsAreLeftOutAndCountedWhereThatIsAskedFor) {
  TableOptions from = options("a,kind\n1,x\ntwo,y\n3,x,4\n5,y\n");
  from.skip_bad = true;
  const Table table = read_table(from);
  EXPECT_EQ(table.values, (std::vector<float>{1, 5}));
  ASSERT_EQ(table.skipped.size(), 2u);
  EXPECT_NE(table.skipped[1].find("line 4"), std::string::npos);
}

TEST_F(Tables, StandardisingTakesTheChosenRowsForItsMeasure) {
  TableOptions from = options("a,b,colour,kind\n1,7,r,x\n3,7,g,x\n100,7,r,y\n");
  from.one_hot = {"colour"};
  Table table = read_table(from);
  const std::vector<std::int64_t> chosen{0, 1};
  standardise(table, chosen);
  EXPECT_EQ(table.values, (std::vector<float>{-1, 0, 0, 1, 1, 0, 1, 0, 98, 0, 0, 1})) << "b does not vary";
}

TEST_F(Tables, ASourceGivesRows) {
  const TableSource source(std::make_shared<Table>(read_table(options("a,b,kind\n1,2,x\n3,4,y\n"))));
  EXPECT_EQ(source.samples(), 2);
  ASSERT_EQ(source.fields()[0].shape, Shape{2});
  EXPECT_EQ(source.fields()[1].name, "labels");
  float features[2]{};
  std::int32_t label = -1;
  std::byte* rows[]{reinterpret_cast<std::byte*>(features), reinterpret_cast<std::byte*>(&label)};
  source.read(0, 1, rows);
  EXPECT_EQ(features[0], 3.0f);
  EXPECT_EQ(features[1], 4.0f);
  EXPECT_EQ(label, 1);
  TableOptions numbers = options("a,kind\n1,2.5\n");
  numbers.classes = false;
  EXPECT_EQ(TableSource(std::make_shared<Table>(read_table(numbers))).fields()[1].name, "targets");
}

}  // namespace
}  // namespace trireme::data

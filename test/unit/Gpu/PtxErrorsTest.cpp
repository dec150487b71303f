//===- PtxErrorsTest.cpp - PTX that is not known --------------------------===//

#include "PtxHarness.h"

using namespace fabric;
using namespace fabric::test;

namespace {

void expectError(const std::string &body, const std::string &message) {
  EXPECT_TRUE(failedWith(emulator::parsePtx(kernel(body)), message)) << body;
}
const std::string where = "line " + std::to_string(firstLine) + ": ";

TEST(PtxErrors, WhatIsNotKnownIsNotGuessed) {
  EXPECT_TRUE(succeeded(emulator::parsePtx(kernel(""))));
  for (const char *mnemonic :
       {"ex2.approx.f32", "add.f32", "add.rn.ftz.f32", "fma.rn.relu.f32",
        "add.rz.f32", "div.approx.f32", "atom.global.add.u32", "mul.f32",
        "cvt.rn.bf16.f32", "ld.global.nc.b32", "ld.volatile.global.b32",
        "ld.b32", "setp.eq.and.s32", "bar.red.popc.u32", "call.uni",
        "shfl.sync.idx.b32", "add.cc.u32", "max.xorsign.abs.f32", "trap"})
    expectError(std::string(mnemonic) + " %r1, %r2, %r3;",
                where + "unknown instruction '" + mnemonic + "'");
}

TEST(PtxErrors, Operands) {
  expectError("add.s32 %r1, %r2;",
              where + "these are no operands of 'add.s32'");
  expectError("add.s32 %r1, %r2, [%a];", "these are no operands");
  expectError("ld.global.v4.b32 {%r1, %r2}, [%a];", "these are no operands");
  expectError("setp.eq.f32 %p1|%p2, %r1, %r2;", "these are no operands");
  expectError("add.s32 %r1, %r2, %d1;",
              where + "expected a register of 32 bits, found '%d1' of 64");
  expectError("ld.global.b64 %r1, [%a];", "expected a register of 64 bits");
  expectError("st.global.b64 [%a], %r1;", "expected a register of 64 bits");
  expectError("ld.global.b32 %r1, [%r2];", "expected a register of 64 bits");
  expectError("add.s32 %r1, %r2, %r99;", where + "unknown operand '%r99'");
  expectError("add.s32 %r1, %r2, %clock;", "unknown operand '%clock'");
  expectError("mov.u32 %tid.x, 1;", "unknown operand '%tid.x'");
  expectError("mov.b64 %d1, nowhere;", "unknown operand 'nowhere'");
  expectError("add.s32 _, %r1, %r2;", "unknown operand '_'");
  expectError("@%r1 ret;", "expected a register of 1 bits");
  expectError("bar.sync 1;", "expected 0, found '1'");
  expectError("ld.param.b64 %d1, [c];", "unknown parameter 'c'");
  expectError("bra $nowhere;", "unknown label '$nowhere'");
  expectError("$x: ret; $x: ret;", "label '$x'");
}

TEST(PtxErrors, Literals) {
  expectError("add.rn.f32 %r1, %r2, 1;", "'1' is no literal");
  expectError("add.rn.f32 %r1, %r2, 0d3FF0000000000000;", "is no literal");
  expectError("add.rn.f64 %d1, %d2, 0f3F800000;", "is no literal");
  expectError("mov.pred %p1, true;", "unknown operand 'true'");
  expectError("add.s32 %r1, %r2, 4294967296;", "has more than 32 bits");
  expectError("mov.b16 %h1, -32769;", "has more than 16 bits");
  expectError("add.s32 %r1, %r2, 010;", "octal");
  expectError("add.s32 %r1, %r2, 0xfg;", "expected an integer");
  expectError("add.s64 %d1, %d2, 99999999999999999999;", "expected an integer");
}

TEST(PtxErrors, Text) {
  auto fails = [](const std::string &text, const std::string &message) {
    EXPECT_TRUE(failedWith(emulator::parsePtx(text), message)) << text;
  };
  fails("", "line 1: expected .version, found 'the end'");
  fails("x", "expected .version");
  std::string head = ".version 7.0\n.target sm_80\n.address_size 64\n";
  fails(".version 7.0\n.target sm_80\n.address_size 32", "line 3: expected 64");
  fails(head + ".visible .func f() { ret; }", "line 4: expected .entry");
  fails(head + ".global .b32 x;", "expected .visible");
  fails(head + ".visible .entry k(.param .u32 a) { ret; }",
        "expected a parameter of 64 bits");
  fails(head + ".visible .entry k() .reqntid 32 { ret; }", "expected {");
  fails(head + ".visible .entry k() { ret;", "expected an instruction");
  fails(head + ".visible .entry k() { ret }", "expected an operand");
  fails(head + ".visible .entry k() { $x: }", "label '$x' is at the end");
  fails(head + ".visible .entry k() { }", "does not end with ret or bra");
  fails(head + ".visible .entry k() { .reg .pred %p; @%p ret; }",
        "does not end with ret or bra");
  fails(head + ".visible .entry k() { ret; } .visible .entry k() { ret; }",
        "kernel 'k' is not the first");
  fails(kernel("?"), where + "unexpected character '?'");
  fails(kernel(".reg .b8 %x;"), "unknown type '.b8'");
  fails(kernel(".reg .b32 %r1;"), "register '%r1' is not the first");
  fails(kernel(".reg .b32 %x<99999999>;"), "99999999 registers");
  fails(kernel(".local .b32 x;"), where + "expected ,, found 'x'");
  // Names of a block are its own.
  EXPECT_TRUE(succeeded(
      emulator::parsePtx(kernel("{ .reg .b32 t; mov.b64 {t, %r1}, %d1; }"
                                "{ .reg .b16 t; mov.b16 t, 1; }"))));
  fails(kernel("{ .reg .b32 t; } mov.b32 t, 1;"), "unknown operand 't'");
}

} // namespace

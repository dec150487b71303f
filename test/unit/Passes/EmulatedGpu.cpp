//===- EmulatedGpu.cpp - Runs code for NVPTX on the CPU -------------------===//

#include "EmulatedGpu.h"
#include "passes/Lowering/Kernels/KernelObject.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "gtest/gtest.h"
#include <dlfcn.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

namespace fabric_test {
namespace {

constexpr int64_t warpSize = 32;

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// A thread of the block that runs.
struct Thread {
  enum class State { Ready, AtBarrier, AtShuffle, Done };
  State state = State::Ready;
  uint32_t value = 0, distance = 0; ///< Of a shuffle.
  ucontext_t context;
  std::vector<char> stack;
};

/// What code asks for, of the one block that runs.
struct Block {
  int64_t number = 0, current = 0;
  std::vector<Thread> threads;
  ucontext_t scheduler;
  void (*entry)(void *const *) = nullptr;
  void *const *buffers = nullptr;

  void wait(Thread::State state) {
    Thread &thread = threads[current];
    thread.state = state;
    swapcontext(&thread.context, &scheduler);
  }
};
Block block;

uint32_t getThread() { return static_cast<uint32_t>(block.current); }
uint32_t getBlock() { return static_cast<uint32_t>(block.number); }
void waitForBlock() { block.wait(Thread::State::AtBarrier); }
uint32_t shuffle(uint32_t value, uint32_t distance) {
  Thread &thread = block.threads[block.current];
  thread.value = value;
  thread.distance = distance;
  block.wait(Thread::State::AtShuffle);
  return thread.value;
}

void runThread() {
  block.entry(block.buffers);
  block.wait(Thread::State::Done);
}

/// Whether threads `from` to `to` are all in the state.
bool areAll(int64_t from, int64_t to, Thread::State state) {
  for (int64_t i = from; i < to; ++i)
    if (block.threads[i].state != state)
      return false;
  return true;
}

/// Lets go on who has what he waits for; false where nobody has.
bool release() {
  auto total = static_cast<int64_t>(block.threads.size());
  bool any = areAll(0, total, Thread::State::AtBarrier);
  if (any)
    for (Thread &thread : block.threads)
      thread.state = Thread::State::Ready;
  for (int64_t warp = 0; warp + warpSize <= total; warp += warpSize) {
    if (!areAll(warp, warp + warpSize, Thread::State::AtShuffle))
      continue;
    uint32_t values[warpSize];
    for (int64_t lane = 0; lane < warpSize; ++lane)
      values[lane] = block.threads[warp + lane].value;
    for (int64_t lane = 0; lane < warpSize; ++lane) {
      Thread &thread = block.threads[warp + lane];
      thread.value = values[lane ^ thread.distance];
      thread.state = Thread::State::Ready;
    }
    any = true;
  }
  return any;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// What the code calls in place of intrinsics, through this table of its own.
constexpr const char *tableName = "fabric_emulator";
void *const table[] = {
    reinterpret_cast<void *>(getThread), reinterpret_cast<void *>(getBlock),
    reinterpret_cast<void *>(waitForBlock), reinterpret_cast<void *>(shuffle)};
enum { callThread, callBlock, callBarrier, callShuffle, numCalls };

class Rewriter {
public:
  Rewriter(llvm::Module &module, llvm::StringSet<> &waiting)
      : module(module), waiting(waiting),
        pointer(llvm::PointerType::get(module.getContext(), 0)) {
    auto *type = llvm::ArrayType::get(pointer, numCalls);
    hooks = new llvm::GlobalVariable(
        module, type, /*isConstant=*/false, llvm::GlobalValue::ExternalLinkage,
        llvm::ConstantAggregateZero::get(type), tableName);
  }

  void run() {
    std::vector<llvm::Function *> kernels;
    for (llvm::Function &function : module)
      if (!function.isDeclaration())
        kernels.push_back(&function);
    for (llvm::Function *kernel : kernels) {
      std::vector<llvm::CallInst *> calls;
      for (llvm::Instruction &instruction : llvm::instructions(*kernel))
        if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction))
          if (call->getCalledFunction()->getName().starts_with("llvm.nvvm."))
            calls.push_back(call);
      for (llvm::CallInst *call : calls)
        replace(call);
      addEntry(kernel);
    }
  }

private:
  llvm::Value *emitCall(llvm::IRBuilder<> &b, unsigned number, llvm::Type *type,
                        llvm::ArrayRef<llvm::Value *> operands) {
    llvm::SmallVector<llvm::Type *> types;
    for (llvm::Value *operand : operands)
      types.push_back(operand->getType());
    llvm::Value *place = b.CreateConstGEP1_64(pointer, hooks, number);
    return b.CreateCall(llvm::FunctionType::get(type, types, false),
                        b.CreateLoad(pointer, place), operands);
  }

  void replace(llvm::CallInst *call) {
    llvm::IRBuilder<> b(call);
    llvm::StringRef name = call->getCalledFunction()->getName();
    llvm::Value *result = nullptr;
    if (name == "llvm.nvvm.read.ptx.sreg.tid.x") {
      result = emitCall(b, callThread, b.getInt32Ty(), {});
    } else if (name == "llvm.nvvm.read.ptx.sreg.ctaid.x") {
      result = emitCall(b, callBlock, b.getInt32Ty(), {});
    } else if (name.starts_with("llvm.nvvm.barrier")) {
      waiting.insert(call->getFunction()->getName());
      emitCall(b, callBarrier, b.getVoidTy(), {});
    } else if (name.starts_with("llvm.nvvm.shfl.sync.bfly.")) {
      waiting.insert(call->getFunction()->getName());
      llvm::Value *value =
          b.CreateBitCast(call->getArgOperand(1), b.getInt32Ty());
      result = emitCall(b, callShuffle, b.getInt32Ty(),
                        {value, call->getArgOperand(2)});
      auto *type = llvm::dyn_cast<llvm::StructType>(call->getType());
      result = b.CreateBitCast(result, type ? type->getElementType(0)
                                            : call->getType());
      if (type)
        result = b.CreateInsertValue(
            b.CreateInsertValue(llvm::PoisonValue::get(type), result, 0),
            b.getTrue(), 1);
    } else {
      ADD_FAILURE() << "cannot emulate " << name.str();
      return;
    }
    if (result)
      call->replaceAllUsesWith(result);
    call->eraseFromParent();
  }

  /// A function of one array of pointers in place of the kernel.
  void addEntry(llvm::Function *kernel) {
    std::string name = kernel->getName().str();
    kernel->setName(name + ".body");
    kernel->setCallingConv(llvm::CallingConv::C);
    kernel->setLinkage(llvm::GlobalValue::InternalLinkage);
    llvm::LLVMContext &context = module.getContext();
    auto *entry = llvm::Function::Create(
        llvm::FunctionType::get(llvm::Type::getVoidTy(context), pointer, false),
        llvm::GlobalValue::ExternalLinkage, name, module);
    llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "", entry));
    llvm::SmallVector<llvm::Value *> operands;
    for (unsigned i = 0; i < kernel->arg_size(); ++i)
      operands.push_back(b.CreateLoad(
          pointer, b.CreateConstGEP1_64(pointer, entry->getArg(0), i)));
    b.CreateCall(kernel, operands);
    b.CreateRetVoid();
  }

  llvm::Module &module;
  llvm::StringSet<> &waiting;
  llvm::PointerType *pointer;
  llvm::GlobalVariable *hooks;
};

} // namespace

EmulatedGpu::EmulatedGpu(std::unique_ptr<llvm::Module> module) {
  Rewriter(*module, waiting).run();
  auto compile = [&]() -> llvm::Expected<llvm::SmallVector<char>> {
    auto target = mlir::lowering::resolveTarget({});
    if (!target)
      return target.takeError();
    auto object = mlir::lowering::emitObject(*module, *target);
    if (!object)
      return object.takeError();
    return mlir::lowering::linkSharedObject(*object);
  };
  llvm::Expected<llvm::SmallVector<char>> bytes = compile();
  if (!bytes) {
    ADD_FAILURE() << llvm::toString(bytes.takeError());
    return;
  }
  descriptor = memfd_create("kernels", MFD_CLOEXEC);
  EXPECT_EQ(write(descriptor, bytes->data(), bytes->size()),
            static_cast<ssize_t>(bytes->size()));
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    ADD_FAILURE() << dlerror();
    return;
  }
  std::memcpy(dlsym(handle, tableName), table, sizeof(table));
}

EmulatedGpu::~EmulatedGpu() {
  if (handle)
    dlclose(handle);
  close(descriptor);
}

EmulatedGpu::Entry EmulatedGpu::find(const std::string &kernel) const {
  return reinterpret_cast<Entry>(handle ? dlsym(handle, kernel.c_str())
                                        : nullptr);
}

void EmulatedGpu::launch(const std::string &kernel, int64_t blocks,
                         int64_t threads, llvm::ArrayRef<void *> buffers) {
  Entry entry = find(kernel);
  ASSERT_TRUE(entry) << kernel;
  for (int64_t i = 0; i < blocks; ++i) {
    block.number = isReversed ? blocks - 1 - i : i;
    if (waiting.contains(kernel))
      runTogether(entry, threads, buffers.data());
    else
      runApart(entry, threads, buffers.data());
    if (testing::Test::HasFatalFailure())
      return;
  }
  isReversed = !isReversed;
}

void EmulatedGpu::runApart(Entry entry, int64_t threads, void *const *buffers) {
  for (int64_t i = 0; i < threads; ++i) {
    block.current = isReversed ? threads - 1 - i : i;
    entry(buffers);
  }
}

void EmulatedGpu::runTogether(Entry entry, int64_t threads,
                              void *const *buffers) {
  block.entry = entry;
  block.buffers = buffers;
  block.threads.resize(threads);
  for (Thread &thread : block.threads) {
    thread.state = Thread::State::Ready;
    thread.stack.resize(64 << 10);
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    makecontext(&thread.context, runThread, 0);
  }
  while (!areAll(0, threads, Thread::State::Done)) {
    bool ran = false;
    for (int64_t i = 0; i < threads; ++i) {
      block.current = isReversed ? threads - 1 - i : i;
      Thread &thread = block.threads[block.current];
      if (thread.state != Thread::State::Ready)
        continue;
      ran = true;
      swapcontext(&block.scheduler, &thread.context);
    }
    ASSERT_TRUE(ran || release())
        << "threads of a block wait for what never happens";
  }
}

} // namespace fabric_test

//===- InterfaceAttrs.cpp - Attributes of a function's interface ----------===//

#include "dialects/Dist/IR/InterfaceAttrs.h"

using namespace mlir;
using namespace mlir::dist;

void InterfaceAttrs::apply() {
  MLIRContext *context = function->getContext();
  auto merge = [&](unsigned count, ArrayRef<Entry> entries, auto current) {
    SmallVector<NamedAttrList> lists;
    for (unsigned index = 0; index < count; ++index)
      lists.emplace_back(current(index));
    for (const Entry &entry : entries) {
      if (entry.value)
        lists[entry.index].set(entry.name, entry.value);
      else
        lists[entry.index].erase(entry.name);
    }
    return llvm::map_to_vector(lists, [&](const NamedAttrList &list) {
      return list.getDictionary(context);
    });
  };
  if (!args.empty())
    function.setAllArgAttrs(
        merge(function.getNumArguments(), args, [&](unsigned index) {
          return DictionaryAttr(
              function_interface_impl::getArgAttrDict(function, index));
        }));
  if (!results.empty())
    function.setAllResultAttrs(
        merge(function.getNumResults(), results, [&](unsigned index) {
          return DictionaryAttr(
              function_interface_impl::getResultAttrDict(function, index));
        }));
  args.clear();
  results.clear();
}

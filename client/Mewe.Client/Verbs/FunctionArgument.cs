using Mewe.Grains;
using Mewe.Wasm;

namespace Mewe.Client.Verbs;

/// <summary>The argument FUNCTION: an index or a name.</summary>
internal static class FunctionArgument
{
    public static uint Find(string path, WasmModule module, string wanted) => new FunctionNames(module).Find(wanted) switch
    {
        [var one] => one,
        [] => throw new CommandException(ExitCode.Usage, $"{path} has no function {wanted}; `mewe inspect` lists them"),
        var several => throw new CommandException(ExitCode.Usage, $"{path} has several functions called {wanted}: give an index of {string.Join(", ", several)}"),
    };
}

using Mewe.Wasm;

namespace Mewe.Linking.Randomness;

/// <summary>What the linker appends to a module for choosing: globals, and functions with their roles.</summary>
internal sealed class AppendedCode(WasmModule module)
{
    public static readonly FunctionType Produces64 = FunctionType.Of([], [ValueType.I64]);
    public static readonly FunctionType Maps64 = FunctionType.Of([ValueType.I64], [ValueType.I64]);
    public static readonly FunctionType Bare = FunctionType.Of([], []);
    public static readonly FunctionType Chooses = FunctionType.Of([ValueType.I32], [ValueType.I32]);

    private readonly List<GeneratedFunction> functions = [];

    /// <summary>The functions so far, in the order of their indices.</summary>
    public IReadOnlyList<GeneratedFunction> Functions => functions;

    /// <summary>A mutable i64 global.</summary>
    public uint Global64(ulong value) => Global(ValueType.I64, Instruction.I64Const((long)value));

    /// <summary>A mutable i32 global.</summary>
    public uint Global32(int value) => Global(ValueType.I32, Instruction.I32Const(value));

    public uint Function(GeneratedRole role, FunctionType type, FunctionBody body)
    {
        var index = module.AddFunction(module.IndexOfType(type), body);
        functions.Add(new GeneratedFunction(role, index));
        return index;
    }

    public void Export(string name, ExternKind kind, uint index) => module.Exports.Add(new Export(name, kind, index));

    private uint Global(ValueType type, Instruction value)
    {
        var index = (uint)module.AllGlobals().Length;
        module.Globals.Add(new Global(new GlobalType(type, true), ConstantExpression.Of(value)));
        return index;
    }
}

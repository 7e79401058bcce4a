using Mewe.Wasm;

namespace Mewe.Diversify;

/// <summary>One defined function to diversify.</summary>
/// <param name="Index">In the function index space of the module, imports included.</param>
public sealed record FunctionInput(ModuleFacts Module, uint Index, FunctionType Type, FunctionCode Code)
{
    /// <summary>For a blinded candidate under way: its last parameter, which holds the blind word and is no parameter of the function; see <see cref="Blinding"/>.</summary>
    internal uint? BlindLocal { get; init; }

    /// <summary>The function at an index of the module's function index space.</summary>
    /// <exception cref="WasmException">The body is malformed, or its type is not a function type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Not a defined function.</exception>
    public static FunctionInput Of(ModuleFacts module, uint index)
    {
        var defined = (int)index - module.ImportedFunctionCount;
        ArgumentOutOfRangeException.ThrowIfNegative(defined, nameof(index));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(defined, module.Module.Bodies.Count, nameof(index));
        var type = module.FunctionTypes[(int)index] ?? throw new WasmException(WasmErrorKind.Invalid, 0, $"function {index} has no function type");
        return new FunctionInput(module, index, type, module.Module.Bodies[defined].Decode());
    }
}

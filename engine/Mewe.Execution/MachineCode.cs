using System.Collections.Immutable;

namespace Mewe.Execution;

/// <summary>The code that the engine's optimizing compiler makes of a module's functions.</summary>
public sealed record MachineCode
{
    /// <summary>Why there is none (the module is not valid); null when there is.</summary>
    public string? Rejection { get; init; }

    /// <summary>One entry for each function that the module defines, in the order of their indices.</summary>
    public ImmutableArray<FunctionMachineCode> Functions { get; init; } = [];
}

/// <summary>What the optimizing compiler made of a function, on its own: nothing of other functions is inlined.</summary>
/// <param name="Function">The function's index, imports included.</param>
/// <param name="Size">Bytes of instructions and their constants.</param>
/// <param name="Digest">
/// Of the code without what depends on where it lies: two functions of one module with the same digest have the same instructions, and
/// call the same functions. It is the same in every run and, for one version of the engine, on every machine that it can be had on; digests of two modules cannot be compared.
/// </param>
/// <param name="Shape">As <paramref name="Digest"/>, but it does not matter which function of the module a direct call calls.</param>
public sealed record FunctionMachineCode(int Function, int Size, UInt128 Digest, UInt128 Shape);

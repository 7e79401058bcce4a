using System.Collections.Immutable;
using Mewe.Wasm;

namespace Mewe.Linking;

/// <summary>A place in a body where a call stood and one of the callee's bodies stands now.</summary>
/// <param name="Position">The first of the instructions that took the call's place.</param>
/// <param name="Length">How many they are.</param>
/// <param name="Callee">The function that was called, in the multivariant module.</param>
public readonly record struct InlinedSite(uint Position, uint Length, uint Callee);

/// <summary>What inlining did to a body, so that it can be undone: the sites, in ascending order, and how many groups of locals were appended for them.</summary>
public sealed record InlinedSites(uint LocalGroups, ImmutableArray<InlinedSite> Sites)
{
    public static readonly InlinedSites None = new(0, []);

    public bool IsNone => Sites.IsEmpty;

    /// <summary>The body with its calls back in their places.</summary>
    /// <exception cref="WasmException">The sites do not fit the body.</exception>
    public FunctionCode Undo(FunctionCode linked)
    {
        if (IsNone)
        {
            return linked;
        }

        var instructions = ImmutableArray.CreateBuilder<Instruction>(linked.Instructions.Length);
        var at = 0;
        foreach (var site in Sites)
        {
            // The last instruction is the body's end, which no site may take.
            if (site.Position < at || site.Length == 0 || (ulong)site.Position + site.Length >= (ulong)linked.Instructions.Length)
            {
                throw new WasmException(WasmErrorKind.Invalid, 0, $"no call can be inlined at instructions {site.Position} to {(ulong)site.Position + site.Length} of a body of {linked.Instructions.Length}");
            }

            instructions.AddRange(linked.Instructions.AsSpan()[at..(int)site.Position]);
            instructions.Add(Instruction.Call(site.Callee));
            at = (int)(site.Position + site.Length);
        }

        instructions.AddRange(linked.Instructions.AsSpan()[at..]);
        return LocalGroups <= (uint)linked.Locals.Length
            ? new FunctionCode(linked.Locals[..^(int)LocalGroups], instructions.ToImmutable())
            : throw new WasmException(WasmErrorKind.Invalid, 0, $"{LocalGroups} groups of locals cannot have been appended to a body that has {linked.Locals.Length}");
    }

    /// <summary>Where an instruction of the body before inlining stands now; for an inlined call the first of what took its place.</summary>
    public int PositionOf(int instruction)
    {
        var moved = instruction;
        foreach (var site in Sites)
        {
            if (site.Position >= moved)
            {
                break;
            }

            moved += (int)site.Length - 1;
        }

        return moved;
    }
}

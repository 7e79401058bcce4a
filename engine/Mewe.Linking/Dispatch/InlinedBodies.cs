using Mewe.Wasm;

namespace Mewe.Linking.Dispatch;

/// <summary>Writes bodies into a dispatcher, of which one is executed each time (<see cref="DispatchForm.Inlined"/>).</summary>
/// <remarks>
/// A body becomes a block of the function's result type: its branches to the outermost label then leave that block, a return still leaves the function, and everything between keeps its depth.
/// The dispatcher's parameters are the body's, with the values of the call, for nothing before the jump writes to them. Its locals are the dispatcher's, shared by type: only one body is
/// executed, so each finds its locals zero, as in a function of its own.
/// </remarks>
internal sealed class InlinedBodies(CodeBuilder code, FunctionType type, IReadOnlyList<FunctionCode> bodies)
{
    private readonly Dictionary<ValueType, List<uint>> pool = [];

    /// <summary>Whether bodies of functions of this type can stand in a dispatcher. Several results would need a type of their own for the block.</summary>
    public static bool Fits(FunctionType type) => type.Results.Length <= 1;

    public void Write(int choice)
    {
        var body = bodies[choice];
        var locals = Locals(body);
        code.Open(Opcode.Block, type.Results.IsEmpty ? null : type.Results[0]);
        foreach (var instruction in body.Instructions)
        {
            code.Add(instruction.Opcode is Opcode.LocalGet or Opcode.LocalSet or Opcode.LocalTee && instruction.Index >= type.Parameters.Length
                ? instruction.WithIndex(locals[(int)instruction.Index - type.Parameters.Length])
                : instruction);
        }
    }

    private uint[] Locals(FunctionCode body)
    {
        var used = new Dictionary<ValueType, int>();
        return [.. body.LocalTypes().Select(local =>
        {
            if (!pool.TryGetValue(local, out var all))
            {
                pool.Add(local, all = []);
            }

            var place = used[local] = used.GetValueOrDefault(local, -1) + 1;
            if (place == all.Count)
            {
                all.Add(code.Local(local));
            }

            return all[place];
        })];
    }
}

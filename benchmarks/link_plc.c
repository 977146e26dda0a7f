/* A PLC on libmodbus that takes every order at once and says it fired: what a link is measured against.
 *
 * Registers as in the default tag map: status at 0, command at 200, receipt history at 400.
 * Prints the port it listens on. cc link_plc.c $(pkg-config --cflags --libs libmodbus) */
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STATUS = 0, COMMAND = 200, COMMAND_WORDS = 117, HISTORY = 400, WORDS = 2000, RING = 16, REMEMBERED = 256 };
enum { FIRED = 1, RECORD = 9, RECEIPT = 5, FIRST_RECEIPT = STATUS + 33 };

static uint16_t *reg;
static uint32_t fired, duplicated;

static uint32_t u32(int at) { return (uint32_t)reg[at] << 16 | reg[at + 1]; }
static void put(int at, uint32_t value) { reg[at] = value >> 16; reg[at + 1] = value & 0xFFFF; }

static void receipt(int at, uint32_t seq) {
    put(at, seq);
    reg[at + 2] = FIRED;
    put(at + 3, seq);
}

static void take_command(void) {
    uint32_t pc_epoch = u32(COMMAND), batch = u32(COMMAND + 6), last = u32(STATUS + 12), total = u32(STATUS + 31);
    if (pc_epoch >> 16 != (u32(STATUS) & 0xFFFF)) return;
    if (pc_epoch != u32(STATUS + 8)) {
        put(STATUS + 8, pc_epoch);
        put(STATUS + 10, 0);
        last = 0;
    }
    if (batch != u32(STATUS + 10)) {
        put(STATUS + 10, batch);
        for (int n = 0; n < reg[COMMAND + 8]; n++) {
            uint32_t seq = u32(COMMAND + 9 + RECORD * n);
            if (seq != last + 1) { duplicated++; continue; }
            last = seq;
            fired++;
            receipt(FIRST_RECEIPT + RECEIPT * (total % RING), seq);
            receipt(HISTORY + RECEIPT * (total % REMEMBERED), seq);
            total++;
        }
    }
    put(STATUS + 12, last);
    put(STATUS + 15, fired);
    put(STATUS + 21, duplicated);
    put(STATUS + 31, total);
}

int main(void) {
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, WORDS, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), highest = listener;
    if (!modbus || !map || listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&address, &size)) {
        perror("link_plc");
        return 1;
    }
    reg = map->tab_registers;
    put(STATUS, 1);       /* epoch */
    reg[STATUS + 3] = 15; /* e-stop ok, belt running, air ok, ready */
    reg[STATUS + 14] = REMEMBERED;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    fd_set open_files;
    FD_ZERO(&open_files);
    FD_SET(listener, &open_files);
    for (;;) {
        fd_set ready = open_files;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) return errno != EINTR;
        for (int file = 0; file <= highest; file++) {
            uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
            if (!FD_ISSET(file, &ready)) continue;
            if (file == listener) {
                int client = accept(listener, NULL, NULL);
                if (client < 0) continue;
                FD_SET(client, &open_files);
                if (client > highest) highest = client;
                continue;
            }
            modbus_set_socket(modbus, file);
            int length = modbus_receive(modbus, query);
            if (length > 0) {
                reg[STATUS + 2]++; /* the heartbeat moves as a scan does */
                modbus_reply(modbus, query, length, map);
                if (query[7] == 16 && (query[8] << 8 | query[9]) == COMMAND && query[11] == COMMAND_WORDS) take_command();
            } else if (length < 0) {
                close(file);
                FD_CLR(file, &open_files);
            }
        }
    }
}

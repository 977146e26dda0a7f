/* A Modbus TCP server with libmodbus: it holds registers, as a PLC's Modbus stack does, and nothing else.
 *
 * Prints the port the system chose. Serves any number of clients until its standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

#define REGISTERS 2000
#define MOST_CLIENTS 32

static int fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, modbus_strerror(errno));
    return 1;
}

int main(void) {
    modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *mapping = modbus_mapping_new(0, 0, REGISTERS, 0);
    if (context == NULL || mapping == NULL) return fail("out of memory");
    int listener = modbus_tcp_listen(context, MOST_CLIENTS);
    if (listener < 0) return fail("listen");
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) return fail("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    fd_set watched;
    FD_ZERO(&watched);
    FD_SET(STDIN_FILENO, &watched);
    FD_SET(listener, &watched);
    int highest = listener;
    for (;;) {
        fd_set ready = watched;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) return fail("select");
        if (FD_ISSET(STDIN_FILENO, &ready)) return 0;
        for (int socket = 0; socket <= highest; socket++) {
            if (!FD_ISSET(socket, &ready)) continue;
            if (socket == listener) {
                int client = modbus_tcp_accept(context, &listener);
                if (client < 0) return fail("accept");
                FD_SET(client, &watched);
                if (client > highest) highest = client;
                continue;
            }
            uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
            modbus_set_socket(context, socket);
            int length = modbus_receive(context, request);
            if (length > 0) modbus_reply(context, request, length, mapping);
            if (length < 0) {
                close(socket);
                FD_CLR(socket, &watched);
            }
        }
    }
}
